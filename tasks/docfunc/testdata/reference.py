"""Writes reference.json.gz: what functions of lm-evaluation-harness's task files make of made-up documents.

    PYTHONPATH=lm-evaluation-harness python3 reference.py lm-evaluation-harness/lm_eval/tasks reference.json.gz

The harness is a checkout of commit 4e7e0d47f. The modules `datasets`, `transformers` and others that functions over
documents do not call are replaced.
"""
import copy
import gzip
import importlib.util
import json
import random
import sys
import types


class Anything(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return object


for name in ("datasets", "transformers", "transformers.data", "transformers.data.metrics", "transformers.data.metrics.squad_metrics", "sacrebleu",
             "rouge_score", "antlr4", "sympy", "sympy.parsing", "sympy.parsing.latex", "math_verify"):
    sys.modules[name] = Anything(name)
    if "." in name:
        parent, child = name.rsplit(".", 1)
        setattr(sys.modules[parent], child, sys.modules[name])
import importlib.metadata  # noqa: E402

real = importlib.metadata.version
importlib.metadata.version = lambda p: "4.11" if p.startswith("antlr4") else real(p)


class Rows(list):
    def map(self, f):
        return [f(row) for row in self]


loaded = {}


def load(path):
    if path not in loaded:
        spec = importlib.util.spec_from_file_location(path.replace("/", "_").replace(" ", "_"), f"{sys.argv[1]}/{path}.py")
        loaded[path] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded[path])
    return loaded[path]


rnd = random.Random(5)
WORDS = "the a cat 's n't , . ; : ! ? ( ) [ ] { } \" ' @-@ @,@ = == N \u00b0 it's 12 \u00e9t\u00e9 \u6570\u5b66 `` '' ( x ) [title] [b] man M- A The /' 5/ s ' \n".split(" ")


def text(lo=0, hi=12):
    return rnd.choice(["", "", " "]) + "".join(rnd.choice(WORDS) + rnd.choice([" "] * 6 + ["  ", "\n"]) for _ in range(rnd.randint(lo, hi)))


cases = []


def add(name, doc):
    path, function = name.rsplit(".", 1)
    before = copy.deepcopy(doc)
    f = getattr(load(path), function)
    if "process_doc" in function:
        out = f(Rows([doc]))[0]
        want = {k: v for k, v in out.items() if k not in before or before[k] != v or name.startswith(("drop", "truthful", "minerva", "mutual", "super_glue"))}
    else:
        want = f(doc)
    cases.append({"name": name, "doc": before, "want": want})


for _ in range(40):
    answer = lambda: rnd.choice([{"number": "5", "date": {"day": "", "month": "", "year": ""}, "spans": []}, {"number": "", "date": {"day": "1", "month": "May", "year": ""}, "spans": []},
                                 {"number": "", "date": {"day": "", "month": "", "year": ""}, "spans": [text(1, 2), "x"]}, {"number": "", "date": {"day": "", "month": "", "year": "1999"}, "spans": []}])
    more = [answer() for _ in range(rnd.randint(0, 3))]
    add("drop/utils.process_docs", {"query_id": "q", "passage": text(), "question": text(), "answer": answer(), "validated_answers": {k: [m[k] for m in more] for k in ("number", "date", "spans")}})
    add("truthfulqa/utils.process_docs_gen", {"question": text(), "correct_answers": [text(0, 3) for _ in range(2)] + rnd.choice([[], ["I have no comment"]]), "incorrect_answers": [text(0, 3) for _ in range(2)]})
    boxed = rnd.choice([r"\frac12", "100,000", r"5\text{ cm}", "x=3", r"\sqrt2", r"1\ %", "(1,2)", r"\text{and}", "12 dollars", r"\frac{1}{2}", "0,1", "a an b", r"\textbf{B}", r"\$5.\$", "\u0663,\u0664"])
    add("minerva_math/utils.process_docs", {"problem": "p", "solution": rnd.choice([f"so $\\boxed{{{boxed}}}$.", f"\\boxed {boxed}$ x", f"\\boxed{{1}} \\boxed{{{boxed}}}"])})
    add("mutual/utils.process_docs", {"article": text(), "options": [text(), text()]})
    entities = [text(1, 2) for _ in range(4)]
    record = {"passage": text() + rnd.choice(["", "\n@highlight\n" + text(1, 3) + "\n@highlight\nlast"]), "query": text() + "@placeholder x @placeholder", "entities": entities + entities[:1], "answers": [entities[1], entities[0], entities[1]]}
    add("super_glue/record/util.process_docs", record)
    for f in ("doc_to_text", "doc_to_target", "doc_to_choice"):
        add("super_glue/record/util." + f, record)
    passage = text(3, 9)
    pronoun = rnd.choice(["my", "He", "it", "Their"])
    add("wsc273/utils.process_doc", {"text": "A cat. " + passage, "pronoun": pronoun, "pronoun_loc": rnd.choice([0, 1, 2, 7, 5]), "options": rnd.choice([["The cat", "he He"], ["It x", "dog"]])})
    words = passage.split()
    index = rnd.randrange(len(words))
    add("super_glue/wsc/preprocess_wsc.default_doc_to_text", {"text": passage, "span1_text": text(1, 2), "span2_text": words[index], "span2_index": index})
    add("wikitext/preprocess_wikitext.wikitext_detokenizer", {"page": text(0, 60)})
    n = rnd.randint(1, 3)
    coqa = {"story": text(), "questions": {"input_text": [text(1, 3) for _ in range(n)]}, "answers": {"input_text": [text(1, 3) for _ in range(n)]},
            "additional_answers": {str(i): {"input_text": [rnd.choice(["x", "X", text(1, 2)]) for _ in range(n)]} for i in range(rnd.randint(0, 3))}}
    add("coqa/utils.doc_to_text", coqa)
    add("coqa/utils.doc_to_target", coqa)
    add("glue/mnli/utils.doc_to_text", {"premise": text(), "hypothesis": text() + rnd.choice(["", ". ", "."])})
    add("medmcqa/utils_medmcqa.doc_to_text", {"question": text(), "opa": "w", "opb": text(), "opc": "y", "opd": "z"})
    add("pubmedqa/preprocess_pubmedqa.doc_to_text", {"CONTEXTS": [text(), text()], "QUESTION": text()})
    webqs = {"answers": [rnd.choice(["a", "ab", "b", "B", "abc", "\u00e9", "bc"]) for _ in range(rnd.randint(1, 5))]}
    add("webqs/utils.doc_to_choice", copy.deepcopy(webqs))
    add("webqs/utils.doc_to_target", webqs)
    add("crows_pairs/utils.doc_to_choice", {"sent_more": text(), "sent_less": text()})
    answers = ["The woman", "The boy", rnd.choice(["Unknown", "Not known"])]
    rnd.shuffle(answers)
    groups = ["woman", "boy", "F-Black", "lowSES-African", "nonDisabled", "man", "Latina", "unknown", "M-Asian"]
    bbq = {f"ans{i}": a for i, a in enumerate(answers)} | {"answer_info": {f"ans{i}": [a.lower()] + ([rnd.choice(groups)] if rnd.random() < 0.8 else [""]) for i, a in enumerate(answers)},
           "additional_metadata": {"stereotyped_groups": rnd.sample(["F", "Black", "low SES", "M", "African", "Woman", "unknown"], 2)}, "question_polarity": rnd.choice(["neg", "nonneg"]), "label": rnd.randint(0, 2)}
    if rnd.random() < 0.2:
        bbq["ans1"], bbq["answer_info"]["ans1"] = "The Latina lady", ["", ""]
        bbq["ans0"], bbq["ans2"] = "The cat", "Unknown"
    add("bbq/utils.process_docs", bbq)
    for f in ("doc_to_choice", "doc_to_target"):
        add("bbq/utils." + f, bbq)
gpqa = []
for path in ("gpqa/zeroshot/utils", "gpqa/n_shot/utils", "gpqa/generative/utils", "leaderboard/gpqa/utils"):
    docs = Rows({"Correct Answer": text(1, 3), "Incorrect Answer 1": text(1, 3), "Incorrect Answer 2": rnd.choice([None, text(1, 3)]), "Incorrect Answer 3": "x [y]  z"} for _ in range(20))
    random.seed(0)
    gpqa.append({"name": path, "docs": list(docs), "want": load(path).process_docs(docs)})
with gzip.GzipFile(sys.argv[2], "w", mtime=0) as f:
    f.write(json.dumps({"cases": cases, "gpqa": gpqa}, separators=(",", ":")).encode())
print(len(cases))
