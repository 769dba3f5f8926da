"""Writes reference.json.gz: what NLTK and lm-evaluation-harness's instruction checkers give on made-up texts.

    PYTHONPATH=lm-evaluation-harness python3 reference.py lm-evaluation-harness/lm_eval/tasks english.json reference.json.gz

english.json is NLTK's English Punkt model as github.com/neurosnap/sentences carries it; nltk, langdetect, packaging and
immutabledict are needed.
"""
import gzip
import importlib.util
import json
import random
import sys
import types

import nltk
from nltk.tokenize.destructive import NLTKWordTokenizer
from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

model = json.load(open(sys.argv[2]))
params = PunktParameters()
params.abbrev_types = set(model["AbbrevTypes"])
params.sent_starters = set(model["SentStarters"])
params.collocations = {tuple(k.split(",", 1)) for k in model["Collocations"]}
for k, v in model["OrthoContext"].items():
    params.ortho_context[k] = v
punkt = PunktSentenceTokenizer(params)
treebank = NLTKWordTokenizer()


def word_tokenize(text):
    return [w for s in punkt.tokenize(text) for w in treebank.tokenize(s)]


nltk.word_tokenize = word_tokenize
nltk.download = lambda *a, **k: True
nltk.data.load = lambda *a, **k: punkt
nltk.data.find = lambda *a, **k: True

for package in ("lm_eval.tasks", "lm_eval.tasks.ifeval"):
    sys.modules[package] = types.ModuleType(package)
loaded = {}
for name in ("instructions_util", "instructions", "instructions_registry", "utils"):
    spec = importlib.util.spec_from_file_location("lm_eval.tasks.ifeval." + name, f"{sys.argv[1]}/ifeval/{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    setattr(sys.modules["lm_eval.tasks.ifeval"], name, module)
    spec.loader.exec_module(module)
    loaded[name] = module

rnd = random.Random(11)
WORDS = ("The cat sat. Dr. Smith went home. He said 'no.' \"Yes!\" she cried. U.S. government e.g. this i.e. that etc. and so on... Really?! Yes. No. 3.14 is pi. "
         "$5. It cost 1. One item: 2. Two items; Mr. T. J. Doe (the man.) ran. www.site.com is up. a.m. p.m. Then we left! Why? Because. ... Well... ok. [Note.] "
         "*Bold.* **Very bold.** - item one. 1. First. Ph.D. students. vs. them. No. 5 is alive. In Jan. we met. St. Louis. hello world. THE END. what? (Yes!) "
         "\u201cQuote.\u201d \u00c9t\u00e9. 10.5% Inc. Co. Ltd. said. CAN'T DON'T cannot gonna I'M \u2014 -- A&B 'TIS *** ****** P.S. P.P.S p. p. s. {\"a\": 1} <<Title>> <<>> "
         "Section 1 SECTION 2 Day 3 , ; my wanna \u00abok\u00bb `x` ``y'' it's O'Neil \u6570\u5b66 na\u00efve \u00df I\u0307 x_y 7-8 \u01c5 \u2160").split(" ")
SPACES = [" "] * 14 + ["\n", "\n\n", "  ", "\n* ", "\n- ", "\t", " *"]


def text(lo=0, hi=40):
    n = rnd.randint(lo, hi)
    if rnd.random() < 0.5:
        start = rnd.randrange(len(WORDS))
        words = (WORDS * 2)[start:start + n]
    else:
        words = [rnd.choice(WORDS) for _ in range(n)]
    out = ""
    for w in words:
        out += (rnd.choice(SPACES) if out else "") + w
    return out


texts = [text() for _ in range(700)]
sentences = [[t, punkt.tokenize(t)] for t in texts]
words = [[t, word_tokenize(t)] for t in texts]

RELATION = ["less than", "at least"]
ARGUMENTS = {
    "keywords:existence": lambda t: {"keywords": rnd.sample(["cat", "YES", "o.", "pi", "the"], 2)},
    "keywords:frequency": lambda t: {"keyword": rnd.choice(["the", " is ", "no"]), "frequency": rnd.randint(1, 4), "relation": rnd.choice(RELATION)},
    "keywords:forbidden_words": lambda t: {"forbidden_words": rnd.sample(["cat", "yes", "no", "it", "na\u00efve"], 2)},
    "keywords:letter_frequency": lambda t: {"letter": rnd.choice("aeTi"), "let_frequency": rnd.randint(1, 9), "let_relation": rnd.choice(RELATION)},
    "length_constraints:number_sentences": lambda t: {"num_sentences": rnd.randint(1, 9), "relation": rnd.choice(RELATION)},
    "length_constraints:number_paragraphs": lambda t: {"num_paragraphs": rnd.randint(1, 3)},
    "length_constraints:number_words": lambda t: {"num_words": rnd.randint(1, 30), "relation": rnd.choice(RELATION)},
    "length_constraints:nth_paragraph_first_word": lambda t: {"num_paragraphs": 2, "nth_paragraph": rnd.randint(1, 2), "first_word": rnd.choice((t.split() or ["x"]))},
    "detectable_content:number_placeholders": lambda t: {"num_placeholders": rnd.randint(1, 2)},
    "detectable_content:postscript": lambda t: {"postscript_marker": rnd.choice(["P.S.", "P.P.S", "Note"])},
    "detectable_format:number_bullet_lists": lambda t: {"num_bullets": rnd.randint(1, 4)},
    "detectable_format:constrained_response": lambda t: {},
    "detectable_format:number_highlighted_sections": lambda t: {"num_highlights": rnd.randint(1, 3)},
    "detectable_format:multiple_sections": lambda t: {"section_spliter": rnd.choice(["Section", "SECTION", "Day"]), "num_sections": rnd.randint(1, 2)},
    "detectable_format:json_format": lambda t: {},
    "detectable_format:title": lambda t: {},
    "combination:two_responses": lambda t: {},
    "combination:repeat_prompt": lambda t: {"prompt_to_repeat": rnd.choice([" The cat", t[:9].upper() or "x", "no"])},
    "startend:end_checker": lambda t: {"end_phrase": rnd.choice([t[-7:] or "x", "END.", " no "])},
    "startend:quotation": lambda t: {},
    "change_case:capital_word_frequency": lambda t: {"capital_frequency": rnd.randint(1, 5), "capital_relation": rnd.choice(RELATION)},
    "punctuation:no_comma": lambda t: {},
}
SPECIAL = ["", "  ", '"x"', '"', '""', "```json\n{\"a\": [1, 2]}\n```", "{\"a\": NaN}", "{'a': 1}", "[1,]", "```\n[Infinity, -Infinity, \"NaN\"]```", "My answer is yes.", " My answer is no.!", "a ****** b",
           "a******a", "******a******b******", "a****** ******b", "*** a *** b ***", "a\n\n***\n\nb", "a *** *** b", "cat one\n\n\"Dog two", "'x' y\n\n\n\nz. w", "<<A title>>\ntext", "<< >>", "P.S. bye", "p. s. x",
           "* one\n* two\n- three", "*a* **b** ** ** *c\n*", "The cat. The end.\nSection 1\nx\nSection 2", "[a] [b] [ ]", "ALL CAPS HERE", "12", "1e5", "\"str\""]
checks = []
for name, arguments in ARGUMENTS.items():
    for i in range(70):
        t = rnd.choice(SPECIAL) if i % 3 == 0 else text(0, 25)
        if name.startswith("combination") and i % 2:
            t = t + rnd.choice(["******", " ****** "]) + text(0, 3)
        kwargs = arguments(t)
        inp = types.SimpleNamespace(instruction_id_list=[name], prompt="p", kwargs=[kwargs])
        checks.append({"id": name, "arguments": kwargs, "text": t, "strict": loaded["utils"].test_instruction_following_strict(inp, t).follow_instruction_list,
                       "loose": loaded["utils"].test_instruction_following_loose(inp, t).follow_instruction_list})
with gzip.GzipFile(sys.argv[3], "w", mtime=0) as f:
    f.write(json.dumps({"nltk": nltk.__version__, "sentences": sentences, "words": words, "checks": checks}, separators=(",", ":")).encode())
print(len(sentences), len(checks))
