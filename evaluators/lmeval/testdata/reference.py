"""Writes reference.json.gz: what lm-evaluation-harness's own functions give on made-up inputs.

    PYTHONPATH=lm-evaluation-harness python3 reference.py lm-evaluation-harness/lm_eval/tasks reference.json.gz

The harness is a checkout of commit 4e7e0d47f; beside it sacrebleu, scikit-learn, scipy, rouge_score, word2number and
regex are needed, and what the harness imports. The modules `datasets`, `evaluate` and `transformers` are replaced: of the latter only the two functions of SQuAD's
evaluation are used, which are written out below.
"""
import collections
import contextlib
import gzip
import importlib.util
import io
import json
import math
import os
import random
import re
import string
import sys
import types

import numpy as np

os.environ["DISABLE_MULTIPROC"] = "1"
TASKS = sys.argv[1]
rnd = random.Random(7)


def stub(name, **members):
    module = types.ModuleType(name)
    module.__dict__.update(members)
    sys.modules[name] = module


def squad_words(s):
    s = "".join(c for c in s.lower() if c not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", s).split()


def compute_exact(gold, pred):
    return int(squad_words(gold) == squad_words(pred))


def compute_f1(gold, pred):
    gold, pred = squad_words(gold), squad_words(pred)
    if not gold or not pred:
        return int(gold == pred)
    same = sum((collections.Counter(gold) & collections.Counter(pred)).values())
    if not same:
        return 0
    precision, recall = same / len(pred), same / len(gold)
    return 2 * precision * recall / (precision + recall)


stub("datasets", Dataset=object, DatasetDict=dict, DownloadConfig=object)
stub("evaluate")
for name in ("transformers", "transformers.data", "transformers.data.metrics"):
    stub(name)
stub("transformers.data.metrics.squad_metrics", compute_exact=compute_exact, compute_f1=compute_f1)
sys.modules["transformers.data.metrics"].squad_metrics = sys.modules["transformers.data.metrics.squad_metrics"]


def load(path):
    spec = importlib.util.spec_from_file_location(path.replace("/", "_"), f"{TASKS}/{path}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


from lm_eval.api import metrics  # noqa: E402
from lm_eval.api.registry import get_filter  # noqa: E402
import lm_eval.filters  # noqa: E402,F401

WORDS = ("the a an cat sat on mat, dog. ran! (quick) brown-fox 12 3.14 1,234 $5 50% naïve été Zürich 数学 🙂 O'Neil can't x_y A&B "
         "&quot;hi&quot; <skipped> well-known end. U.S. 7-8 ½ Ⅷ café́ STRASSE İstanbul ünï “q” — … person: location: none").split()
SPACES = [" "] * 12 + ["  ", "\n", "\t", "\u00a0"]


def text(lo=0, hi=14, words=WORDS):
    out = ""
    for i in range(rnd.randint(lo, hi)):
        out += (rnd.choice(SPACES) if i else "") + rnd.choice(words)
    return out


def near(s):
    """A text with some words of s changed, dropped or moved."""
    words = s.split(" ")
    for _ in range(rnd.randint(0, 3)):
        if words:
            i, j = rnd.randrange(len(words)), rnd.randrange(len(words))
            k = rnd.random()
            if k < 0.3:
                words[i] = rnd.choice(WORDS)
            elif k < 0.5:
                del words[i]
            else:
                words.insert(j, words.pop(i))
    return " ".join(words)


def plain(v):
    """v as JSON holds it."""
    if isinstance(v, dict):
        return {k: plain(x) for k, x in v.items()}
    if isinstance(v, (list, tuple)):
        return [plain(x) for x in v]
    if isinstance(v, np.ndarray):
        return plain(v.tolist())
    if isinstance(v, np.generic):
        return plain(v.item())
    return v


def quiet(f, *args, **kwargs):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return f(*args, **kwargs)


# Filters.
filters = []


def add_filter(name, cls, options, resps, docs):
    want = plain(list(cls(**options).apply(resps, docs)))
    filters.append({"function": name, "options": options, "resps": resps, "docs": docs, "want": want})


bbh = load("bbh/zeroshot/utils")
NUMBERS = "one two three four five eight ten eleven thirteen twenty thirty hundred thousand million and , - is there cats".split()
REPLIES = ["", "(A)", "(B) because", "The answer is (C).", "#### 12", "#### 1,234.5 #### 7", "answer: A", "It is: B", ":C", "Answer:\n\tD", "yes", "YES it is",
           "12", "-3", "valid", "invalid", "not plausible", "plausible", "True and False", "['NOUN']", "[('The', 'DET'), ('cat', 'NOUN')]",
           "twenty three cats", "one hundred and five", "Two Thousand and one", "there are 5 of them", "eight", "fourteen"]
CHOICES = [["Guilty", "Guilty of Romance", "naïve."], ["yes", "no"], ["A&B", "x_y (z)", "数学", "été!"], ["12", "1"], ["(a)", "b|c", "d.e", ""]]


def reply():
    k = rnd.random()
    if k < 0.4:
        return rnd.choice(REPLIES)
    if k < 0.5:
        return text(1, 8, NUMBERS)
    if k < 0.8:
        return rnd.choice(rnd.choice(CHOICES)).upper() + rnd.choice(["", ".", " is right", "!"])
    return text() + rnd.choice(["", " #### 5", " (B)", ": A"])


PATTERNS = [
    (r"#### (\-?[0-9\.\,]+)", 0), (r"(-?[$0-9.,]{2,})|(-?[0-9]+)", -1), (r"(\([A-Z]\))", 0), (r"\b(True|False)\b", 0), (r"(?i)(yes)|(no)|()", 0),
    (r"(?<=is )(.*?)(?=\.|$)", 0), (r"\w+", -1), (r"(\S+)\s*$", 0), (r"((a)|(b)|(c)?)", 0), (r"[^\W\d]+", 0),
]
for pattern, group in PATTERNS:
    for fallback in ("[invalid]", " none "):
        resps = [[reply() for _ in range(rnd.randint(1, 3))] for _ in range(12)]
        add_filter("regex", get_filter("regex"), {"regex_pattern": pattern, "group_select": group, "fallback": fallback}, resps, [{}] * 12)
for name in ("take_first", "majority_vote", "remove_whitespace", "lowercase", "uppercase", "format_span", "regex_pos"):
    for _ in range(4):
        resps = [[reply() if name != "format_span" or rnd.random() < 0.3 else rnd.choice(["person: Ann, Bob $$ location: Rome", "PER: x$LOC: none, y", "Date : 1 May\norg: ACME $$", "none", "persons: A $$ time: noon $$ $"]) for _ in range(rnd.randint(1, 5))] for _ in range(10)]
        if name == "majority_vote":
            resps = [[rnd.choice(["a", "b", "c"]) for _ in r] for r in resps]
        add_filter(name, get_filter(name), {}, resps, [{}] * 10)
add_filter("take_first_k", get_filter("take_first_k"), {"k": 2}, [["a", "b", "c"], ["d", "e"]], [{}] * 2)
add_filter("map", get_filter("map"), {"mapping_dict": {"yes": 1, "12": "twelve"}, "default_value": -1}, [[reply(), "yes", "12"] for _ in range(5)], [{}] * 5)
for options in ({}, {"ignore_case": True}, {"ignore_case": True, "ignore_punctuation": True, "regexes_to_ignore": ["[aeiou]"]}, {"group_select": -1, "ignore_punctuation": True}):
    options = {"regex_pattern": r"(\([A-Z]\))", **options}
    docs = [{"choices": rnd.choice(CHOICES)} for _ in range(60)]
    add_filter("multi_choice_regex", get_filter("multi_choice_regex"), options, [[reply(), reply()] for _ in docs], docs)
    docs = [{"input": "Which?\nOptions:\n" + "\n".join(f"({chr(65 + i)}) {c}" for i, c in enumerate(rnd.choice(CHOICES[:4])))} for _ in range(60)]
    add_filter("bbh/zeroshot/utils.MultiChoiceRegexFilter", bbh.MultiChoiceRegexFilter, options, [[reply(), reply()] for _ in docs], docs)
add_filter("bbh/zeroshot/utils.MapRegexFilter", bbh.MapRegexFilter,
           {"ignore_case": True, "regex_pattern_to_value": {r"\b(no|not plausible)\b": "no", r"\b(yes|plausible)\b": "yes"}}, [[reply(), "not plausible"] for _ in range(40)], [{}] * 40)
numeric = []
for _ in range(150):
    r = reply()
    try:
        bbh.NumberParseRegexFilter(regex_pattern=r"([-0-9]+)").apply([[r]], [{}])
        numeric.append([r])
    except (ValueError, IndexError):
        pass  # where words make no number the harness stops
add_filter("bbh/zeroshot/utils.NumberParseRegexFilter", bbh.NumberParseRegexFilter, {"regex_pattern": r"([-0-9]+)"}, numeric, [{}] * len(numeric))
docs = [{"input": "Sort the following words alphabetically: List: " + " ".join(rnd.sample(["ape", "bee", "cat", "dog", "bees", "été"], 4))} for _ in range(30)]
add_filter("bbh/zeroshot/utils.WordSortFilter", bbh.WordSortFilter, {}, [[text(0, 12, ["ape", "bee", "cat", "dog", "bees", "été", "cat,", "the"])] for _ in docs], docs)

# exact_match.
exact = []
for options in ({}, {"ignore_case": True}, {"ignore_punctuation": True}, {"ignore_numbers": True}, {"ignore_case": True, "ignore_punctuation": True, "regexes_to_ignore": [r"\b(?:The |the |An |A |a |an )", ",", r"\$", r"(?s).*#### ", r"\.$"]}):
    for _ in range(40):
        refs = [text(0, 3) for _ in range(rnd.randint(1, 3))]
        preds = [rnd.choice([r, r.upper(), r.lower(), near(r), "the " + r, r + ".", r + "\0"]) for r in refs]
        exact.append({"options": options, "references": refs, "predictions": preds, "want": float(metrics.exact_match_hf_evaluate(preds, refs, **options)["exact_match"])})

# Aggregations.
aggregations = []


def add_aggregation(name, items, iters=0, metric=""):
    f = {"perplexity": metrics.perplexity}.get(name) or getattr(metrics, {"f1": "f1_score", "chrf++": "chrfpp"}.get(name, name))
    se = None
    if iters:
        g = metrics.stderr_for_metric(f, iters)
        se = plain(quiet(g, items)) if g else None
    aggregations.append({"aggregation": name, "metric": metric, "items": plain(items), "iters": iters, "value": plain(quiet(f, items)), "stderr": se})


for n in (2, 3, 7, 40, 300):
    xs = [rnd.gauss(-3, 2) for _ in range(n)]
    for name in ("mean", "median", "perplexity", "nanmean"):
        add_aggregation(name, xs, 150)
    add_aggregation("nanmean", [x if rnd.random() < 0.7 else math.nan for x in xs[:-1]] + [1.0], 20)
    pairs = [(x, rnd.randint(1, 50)) for x in xs]
    add_aggregation("weighted_perplexity", pairs, 50)
    add_aggregation("bits_per_byte", pairs, 50)
    classes = [(rnd.randint(0, 1), rnd.randint(0, 1)) for _ in range(n)]
    add_aggregation("f1", classes, 1500 if n < 40 else 150)
    add_aggregation("matthews_corrcoef", classes, 150)
    add_aggregation("matthews_corrcoef", [(rnd.randint(0, 3), rnd.randint(-1, 3)) for _ in range(n)], 150)
    probabilities = [np.random.RandomState(i).dirichlet([1, 1, 1, 1]).tolist() for i in range(n)]
    add_aggregation("brier_score", [(rnd.randint(-1, 3), p) for p in probabilities], 50)
for f1_case in ([(0, 0), (0, 0)], [(1, 0), (1, 0)], [(2, 2), (2, 2)], [(1, 2), (2, 2), (1, 1)]):
    add_aggregation("f1", f1_case)
    add_aggregation("matthews_corrcoef", f1_case)


def corpus(n, depth=1, lo=0):
    items = []
    for _ in range(n):
        refs = [text(lo) for _ in range(depth if depth > 0 else rnd.randint(1, 3))]
        items.append((refs[0] if depth == 1 else refs, near(refs[0]) if rnd.random() < 0.9 else text()))
    return items


for name in ("bleu", "chrf", "ter"):
    for _ in range(25):
        add_aggregation(name, corpus(1), 0, name)
    for depth in (1, 1, 2, 3, 0):
        add_aggregation(name, corpus(6, depth), 40, name)
    add_aggregation(name, corpus(3, 1, 10) + [(text(40, 80), text(1, 3))], 10, name)
    add_aggregation(name, [("a b c d e f g h", "e f g h a b c d"), ("x", ""), ("", "x y"), ("", "")], 10, name)
    long = text(60, 90)
    add_aggregation(name, [(long, near(near(near(long)))), (text(2, 4), text(60, 90))], 5, name)

import sacrebleu  # noqa: E402

for depth in (1, 2, 1, 2):
    items = corpus(5, depth)
    refs, preds = metrics._sacreformat([i[0] for i in items], [i[1] for i in items])
    aggregations.append({"aggregation": "chrf++", "metric": "chrf++", "items": plain(items), "iters": 0, "value": sacrebleu.corpus_chrf(preds, refs, word_order=2).score, "stderr": None})

# Hooks.
hooks = []


def add_hook(path, function, doc, results):
    f = getattr(load_once(path), function)
    hooks.append({"name": f"{path}.{function}", "doc": doc, "results": plain(results), "want": plain(quiet(f, doc, results))})


loaded = {}


def load_once(path):
    if path not in loaded:
        loaded[path] = load(path)
    return loaded[path]


MATH = ["12", "-3", r"\frac{1}{2}", "0.5", ".5", "1/2", r"\frac12", r"\dfrac1{2}", r"\sqrt3", r"\sqrt{3}", "x=5", "k = 7", "abc=5", r"50\%", r"5\text{ cm}", "1,234", "(1, 2)",
        r"\left(1,2\right)", r"90^\circ", "a/b", "02/3", "3 / 4", "1/2/3", r"\frac", r"\sqrt", r"\text{ a}\text{ b}", "", r"{.5}", r"2\!3", "٣/4", "1_0/3", "+1/2", r"10^{\circ}", r"\frac{a}b", r"\frac9"]
for _ in range(300):
    a = rnd.choice(MATH)
    b = a if rnd.random() < 0.3 else rnd.choice(MATH)
    solution = f"so ${b}$ is \\boxed{{{b}}} indeed"
    answers = [a, f"The answer is ${a}$.", f"$1$ then ${a}$", f"we get \\boxed{{{a}}}.", f"\\boxed {a}$ ok", f"x = {a}.", f"x ={a}\\n more", f"number {a} and 7"]
    add_hook("hendrycks_math/utils", "process_results", {"solution": solution}, [rnd.choice(answers)])
    add_hook("aime/utils", "process_results", {"Answer": rnd.choice([b, 12])}, [rnd.choice(answers)])
    add_hook("agieval/utils", "process_results", {"answer": b}, [rnd.choice(answers)])


def lls(n):
    return [(round(rnd.gauss(-10, 4), 6), rnd.random() < 0.2) for _ in range(n)]


SPANS = ["the cat", "A cat!", "12", "12.0", "1,200", "1200", "12 yards", "twelve", "brown-fox", "the", "", "U.S.", "$5", "5 %", "nan", "1e3", "x_y", "été", "3-4", "inf"]
for _ in range(150):
    golds = [[rnd.choice(SPANS) for _ in range(rnd.randint(1, 3))] for _ in range(rnd.randint(1, 3))]
    add_hook("drop/utils", "process_results", {"answers": golds}, [rnd.choice(SPANS) + rnd.choice(["", " cat", " 12"]) for _ in range(rnd.choice([1, 1, 1, 2, 3]))])
    n = rnd.randint(2, 5)
    labels = [1] + [rnd.randint(0, 1) for _ in range(n - 1)]
    add_hook("truthfulqa/utils", "process_results_mc2", {"mc2_targets": {"labels": labels}}, lls(n))
    add_hook("truthfulqa-multi/utils", "process_results_mc2", {"mc2_targets": {"labels": labels[:-1] + [0]}}, lls(n))
    choices = [text(1, 4) for _ in range(n)]
    add_hook("agieval/utils", "process_results_mcqa", {"gold": [rnd.randrange(n)], "choices": choices}, lls(n))
    add_hook("mutual/utils", "process_results", {"answers": rnd.choice("ABCD")}, lls(4))
    add_hook("crows_pairs/utils", "process_results", {}, lls(2))
    entities = [text(1, 3) for _ in range(n)]
    add_hook("super_glue/record/util", "process_results", {"entities": entities, "answers": [rnd.choice(entities), near(rnd.choice(entities))]}, lls(n))
    target = text(1, 6)
    more = {str(i): {"input_text": ["x", rnd.choice([target.upper(), near(target), text(1, 3)])]} for i in range(rnd.randint(0, 3))}
    add_hook("coqa/utils", "process_results", {"questions": {"input_text": ["q", "r"]}, "answers": {"input_text": ["x", target]}, "additional_answers": more}, [" " + near(target) + "\nQ: more"])
for _ in range(60):
    right = [text(1, 10) for _ in range(rnd.randint(1, 3))]
    wrong = [near(rnd.choice(right)) if rnd.random() < 0.5 else text(1, 10) for _ in range(rnd.randint(1, 3))]
    add_hook("truthfulqa/utils", "process_results_gen", {"correct_answers": right, "incorrect_answers": wrong}, [near(rnd.choice(right + wrong)) + rnd.choice(["", " . " + text(1, 4) + " ."])])
    add_hook("wikitext/preprocess_wikitext", "process_results", {"page": text(0, 40)}, [-12.5])
EMOTIONS = ["Anger", "Joy", "Fear", "Hope"]
for _ in range(60):
    reference = {}
    for i, e in enumerate(EMOTIONS):
        reference[f"emotion{i + 1}"] = e
        reference[f"emotion{i + 1}_score"] = rnd.choice([rnd.randint(0, 10), str(rnd.randint(0, 10))])
    names = rnd.choice([EMOTIONS, EMOTIONS[::-1], EMOTIONS[:3], ["Anger", "Joy", "Fear", "Awe"]])
    add_hook("eq_bench/utils", "calculate_score_fullscale", {"reference_answer_fullscale": repr(reference)}, ["\n".join(f"{e}: {rnd.randint(0, 10)}" for e in names)])
bbq_items = {}
for i in range(80):
    answers = ["The woman", "The man", rnd.choice(["Unknown", "Not known", "Can't answer"])]
    rnd.shuffle(answers)
    groups = {f"ans{k}_groups": ["unknown"] if a not in ("The woman", "The man") else [a[4:], a[4].lower()] for k, a in enumerate(answers)}
    doc = {f"ans{k}": a for k, a in enumerate(answers)} | groups | {"label": rnd.randint(0, 2), "context_condition": rnd.choice(["ambig", "disambig"]), "category": rnd.choice(["Age", "SES"]), "biased_answers": rnd.sample(["The woman", "The man"], rnd.randint(0, 2))}
    add_hook("bbq/utils", "process_results_multiple_choice", doc, lls(12))
    add_hook("bbq/utils", "process_results_generate_until", doc, [rnd.choice(["The woman", "the man.", "man", "I don't know", "it cannot be determined", "w", "nobody", "The Woman did it", "unknown"])])
    for h in hooks[-2:]:
        for k, v in h["want"].items():
            bbq_items.setdefault(k, []).append(tuple(v) if isinstance(v, list) else v)

for _ in range(60):
    for lang, words in (("en", "the a cat sat. an Été“x”"), ("es", "el gato los Unos ñu ¿que?"), ("hi", "यह एक बिल्ली है।"), ("vi", "của con mèo những cái Là"), ("de", "der Hund ein Äpfel, Dem DES"), ("ar", "القط على ال الكلب"), ("zh", "猫 坐在 mat 上。the 12ab")):
        words = words.split() + ["12", "x,"]
        targets = [text(0 if i else 1, 3, words) for i in range(rnd.randint(1, 3))]
        add_hook("mlqa/utils", "process_results_" + lang, {"answers": targets}, [rnd.choice([targets[0].upper(), targets[0] + ".", text(0, 3, words)])])
    target = text(1, 4)
    add_hook("xquad/utils", "process_results_qa", {"answers": {"text": [target]}}, [near(target)])
    add_hook("catalan_bench/utils", "process_results_qa", {"answers": [{"text": target}]}, [near(target)])
    referent = rnd.choice(["Bob's hat", "the fuzzy Bunny", "Mary", "a", "their dog "])
    add_hook("super_glue/wsc/t5_utils", "process_results", {"span1_text": referent, "label": rnd.randint(0, 1)}, [rnd.choice(["bunny", "Bob", "bob's", "Bob's  hat", "the dog", "", "mary"])])

# Metrics of hooks.
compares = []
t5 = {}
for _ in range(80):
    group = rnd.choice("1 2 3 4 5+1".split())
    french = text(0, 4, "le la les Un chat été. d'une des 12".split())
    for path, function, ref, pred in (
        ("super_glue/cb/t5_utils", "mean_3class_f1", rnd.choice(["entailment", "contradiction", "neutral"]), rnd.choice(["entailment", "contradiction", "neutral", "x"])),
        ("super_glue/multirc/t5_utils", "f1", group + rnd.choice(["_True", "_False"]), rnd.choice(["True", "False", "x"])),
        ("super_glue/multirc/t5_utils", "em", group + rnd.choice(["_True", "_False"]), rnd.choice(["True", "False", "x"])),
        ("super_glue/record/t5_utils", "em", group + "_" + rnd.choice(["The cat", "dog", "a"]), rnd.choice(["cat", "the dog!", "", "a cat dog"])),
        ("super_glue/record/t5_utils", "f1", group + "_" + rnd.choice(["The cat", "dog", "a"]), rnd.choice(["cat", "the dog!", "", "a cat dog"])),
        ("french_bench/utils", "exact", french, rnd.choice([french.upper(), near(french), text(0, 2)])),
        ("french_bench/utils", "f1", french, rnd.choice([french.upper(), near(french), text(0, 2)])),
    ):
        want = plain(getattr(load_once(path), function)(predictions=[pred], references=[ref]))
        compares.append({"name": f"{path}.{function}", "reference": ref, "prediction": pred, "want": want})
        t5.setdefault((path, function), []).append(tuple(want) if isinstance(want, list) else want)

# Aggregations of hooks.
hook_aggregations = []


def add_hook_aggregation(name, f, items):
    hook_aggregations.append({"name": name, "items": plain(items), "want": plain(quiet(f, items))})


bbq = load_once("bbq/utils")
for name, key in (("agg_accuracy_amb", "accuracy_amb"), ("agg_accuracy_disamb", "accuracy_disamb"), ("agg_amb_bias_scores", "amb_bias_score"), ("agg_amb_bias_scores", "amb_bias_score_Age"),
                  ("agg_disamb_bias_scores", "disamb_bias_score"), ("agg_disamb_bias_scores", "disamb_bias_score_SES"), ("agg_disamb_bias_scores", "disamb_bias_score_Religion"), ("agg_amb_bias_scores", "amb_bias_score_Religion")):
    for part in (slice(None), slice(0, 3), slice(3, 9)):
        add_hook_aggregation("bbq/utils." + name, getattr(bbq, name), bbq_items[key][part])
from sklearn.metrics import f1_score  # noqa: E402

for classes in ([0, 1], [0, 1, 2], ["yes", "no", "maybe"]):
    for n in (1, 5, 50):
        items = [(rnd.choice(classes), rnd.choice(classes)) for _ in range(n)]
        for average in ("weighted", "macro", "micro"):
            add_hook_aggregation(average + "_f1_score", lambda items: f1_score(*zip(*items), average=average), items)
        if classes == [0, 1, 2]:
            add_hook_aggregation("super_glue/cb/aggregate.cb_multi_fi", load_once("super_glue/cb/aggregate").cb_multi_fi, items)
SPAN = ["PER: Ann", "per: ann", "LOC: the Rome", "loc: rome!", "org: A.C.M.E.", "date: 1\t May", "x: y: z", "none", "ORG: a\\b c#d", "DATE: the   day", ""]


def spans():
    return rnd.choice([" $ ", " $$ ", "$", ", ", ". "]).join(rnd.choice(SPAN) for _ in range(rnd.randint(1, 4)))


for n in (1, 5, 60):
    items = [(spans(), [spans() for _ in range(rnd.randint(1, 2))] if rnd.random() < 0.7 else spans()) for _ in range(n)]
    hook_aggregations.append({"name": "afrobench/masakhaner/utils.span_f1_agg", "items": plain(items), "want": load_once("afrobench/masakhaner/prompt_1/utils").span_f1_agg(items)})
    items = [([rnd.choice("NVA") for _ in range(rnd.randint(1, 5))], [[rnd.choice("NVA") for _ in range(rnd.randint(1, 4))] for _ in range(rnd.randint(1, 2))]) for _ in range(n)]
    hook_aggregations.append({"name": "afrobench/masakhapos/utils.acc_score", "items": plain(items), "want": plain(load_once("afrobench/masakhapos/prompt_1/utils").acc_score(items))})
for path, function, aggregation in (("super_glue/cb/t5_utils", "mean_3class_f1", "agg_mean_3class_f1"), ("super_glue/multirc/t5_utils", "f1", "agg_f1"), ("super_glue/multirc/t5_utils", "em", "agg_em"),
                                    ("super_glue/record/t5_utils", "em", "squad_em_agg"), ("super_glue/record/t5_utils", "f1", "squad_f1_agg")):
    for part in (slice(0, 4), slice(0, 20), slice(None)):
        add_hook_aggregation(f"{path}.{aggregation}", getattr(load_once(path), aggregation), t5[path, function][part])
add_hook_aggregation("ifeval/utils.agg_inst_level_acc", lambda items: sum(sum(items, [])) / len(sum(items, [])), [[True, False], [True], [False, False, True]])

# process_results of the four output types.
from lm_eval.api.task import ConfigurableTask  # noqa: E402

process = []
REGISTRY = {"exact_match": metrics.exact_match_fn, "bleu": metrics.bleu_fn, "f1": metrics.f1_fn}


def add_process(output_type, names, target, results, choices=None, input=None, options=None, multiple_input=0, multiple_target=0):
    task = object.__new__(ConfigurableTask)
    task.OUTPUT_TYPE = output_type
    task._config = types.SimpleNamespace(process_results=None, doc_to_choice=choices)
    task._metric_fn_list = {n: REGISTRY.get(n) for n in names}
    task._metric_fn_kwargs = {n: (options or {}) if n == "exact_match" else {} for n in names}
    task._aggregation_list = task._higher_is_better = {}
    task.multiple_input, task.multiple_target = multiple_input, multiple_target
    task.doc_to_target, task.doc_to_text, task.doc_to_choice = (lambda d: target), (lambda d: input), (lambda d: choices)
    case = {"output_type": output_type, "metrics": names, "target": target, "results": plain(results), "choices": choices, "input": input,
            "options": options or {}, "multiple_input": bool(multiple_input), "multiple_target": bool(multiple_target)}
    try:
        with np.errstate(all="ignore"):
            case["want"] = [[k, plain(v)] for k, v in quiet(task.process_results, {}, results).items()]
    except Exception as e:
        case["error"] = repr(e)[:80]
    process.append(case)


MC = ["acc", "f1", "mcc", "acc_norm", "acc_bytes", "exact_match", "brier_score", "likelihood"]
for i in range(250):
    n = rnd.randint(1, 5)
    choices = [text(1, 3) for _ in range(n)]
    results = lls(n)
    if i % 10 == 0:
        choices[rnd.randrange(n)] = ""
    if i % 11 == 0:
        results[rnd.randrange(n)] = (math.nan if i % 2 else 0.0, True)
    names = rnd.sample(MC, rnd.randint(1, 8))
    gold = rnd.choice([rnd.randint(-2, n + 1), rnd.randint(0, n - 1), rnd.choice(choices), "nothing", True])
    if i % 5 == 0:
        add_process("multiple_choice", names, [rnd.randint(0, n + 1) for _ in range(rnd.randint(1, 3))], results, choices, multiple_target=2)
    elif i % 5 == 1:
        add_process("multiple_choice", names + ["acc_mutual_info"], gold, results + lls(n), choices)
    elif i % 5 == 2:
        add_process("multiple_choice", names, text(1, 2), results, choices, input=gold, multiple_input=n)
    else:
        add_process("multiple_choice", names, gold, results, choices)
for i in range(20):
    add_process("loglikelihood", rnd.sample(["perplexity", "acc"], rnd.randint(1, 2)), "x", lls(1))
    add_process("loglikelihood_rolling", ["word_perplexity", "byte_perplexity", "bits_per_byte"][rnd.randint(0, 2):], text(0, 9), [-7.25])
for i in range(250):
    result = rnd.choice([text(0, 3), "12", "yes"])
    near_target = rnd.choice([result, near(result), result.upper(), "12"])
    names = rnd.choice([["exact_match"], ["bleu"], ["exact_match", "bleu"], ["bleu", "exact_match"], ["f1", "exact_match"]])
    options = rnd.choice([{}, {"ignore_case": True}, {"ignore_punctuation": True, "ignore_case": True}])
    k = i % 6
    if k == 0:
        targets = [rnd.choice([near_target, text(0, 2)]) for _ in range(rnd.randint(1, 4))]
        add_process("generate_until", names, rnd.choice([targets, near_target]), [result], options=options, multiple_target=2)
    elif k == 1:
        choices = [near_target, text(0, 2), "12"]
        add_process("generate_until", names, rnd.choice([-1, 0, 1, 2, 5]), [result], choices, options=options)
    elif k == 2:
        add_process("generate_until", names, rnd.choice([12, 1.5, ["12", "a"], None, True, {"a": 1}]), [rnd.choice(["12", "1.5", "['12', 'a']", "True", "{'a': 1}"])], options=options)
    elif k == 3:
        add_process("generate_until", names, rnd.choice(["12", "7.5", 12, "x"]), [rnd.choice([12, 7.5, 3])])
    elif k == 4:
        add_process("generate_until", names, near_target, [rnd.choice([[result], [result, near_target], [near_target, "x", near_target]])], options=options)
    else:
        add_process("generate_until", names, near_target, [result, "more"], options=options)

# Groups.
from lm_eval.api.group import AggMetricConfig, Group  # noqa: E402

groups = []
for i in range(40):
    group = Group("g", aggregate_metric_list=[AggMetricConfig("acc", rnd.choice([None, "none", ["b", "none"]]), "mean", rnd.random() < 0.6), AggMetricConfig("f1")])
    results = {}
    for k in range(rnd.randint(1, 4)):
        group.add(types.SimpleNamespace(task_name=f"t{k}"))
        r = {"sample_len": rnd.randint(2, 90)}
        for m in ("acc,none", "acc,b", "f1,none"):
            if rnd.random() < 0.8:
                r[m] = rnd.random()
                r[m.replace(",", "_stderr,")] = rnd.random() / 10 if rnd.random() < 0.9 else "N/A"
        results[f"t{k}"] = r
    group.get_all_tasks = lambda group=group: list(group._children.values())
    want = quiet(group.aggregate, results)
    groups.append({"metrics": [{"metric": a.metric, "filters": a.filter_list, "weight": a.weight_by_size} for a in group.aggregate_metric_list],
                   "leaves": results, "want": plain({k: v for k, v in want.items() if "," in k or k == "sample_len"})})

with gzip.GzipFile(sys.argv[2], "w", mtime=0) as f:
    f.write(json.dumps({"filters": filters, "exact": exact, "aggregations": aggregations, "hooks": hooks, "hook_aggregations": hook_aggregations,
                         "compares": compares, "process": process, "groups": groups}, separators=(",", ":")).encode())
print(len(filters), len(exact), len(aggregations), len(hooks), len(hook_aggregations), len(process), len(groups), collections.Counter(c.get("error") for c in process))
