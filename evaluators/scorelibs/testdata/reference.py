# Calls of libraries that score, on texts made up here. Run as a script, it writes what Python's libraries give to
# reference.json; the test calls the same functions in Go.
from rouge_score import rouge_scorer, scoring
import sacrebleu
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score
from scipy.stats import pearsonr

ANSWERS = ["the cat sat on the mat today", "a dog barks", "", "rain in Spain, falls mainly!", "one\ntwo three\nfour"]
TARGETS = ["a cat sat on a mat", "the dogs bark", "nothing", "The rain in Spain stays mainly in the plain.", "one two\nthree four\nfive"]
TRUE = [0, 1, 2, 2, 1, 0, 1]
SAID = [0, 2, 2, 1, 1, 0, 0]


def rouge():
    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL", "rougeLsum"])
    out = []
    for a, t in zip(ANSWERS, TARGETS):
        s = scorer.score(t, a)
        out.append([[s[k].precision, s[k].recall, s[k].fmeasure] for k in ("rouge1", "rouge2", "rougeL", "rougeLsum")])
    return out


def aggregated():
    scorer = rouge_scorer.RougeScorer(["rougeL"])
    aggregator = scoring.BootstrapAggregator()
    aggregator.add_scores(scorer.score(TARGETS[0], ANSWERS[0]))
    return aggregator.aggregate()["rougeL"].mid.fmeasure


def classes():
    return [f1_score(TRUE, SAID, average=a) for a in ("macro", "weighted", "micro")] + [accuracy_score(TRUE, SAID)]


def each_class():
    return [list(f1_score(TRUE, SAID, average=None)), f1_score([1, 0, 1], [1, 1, 1]), precision_score(TRUE, SAID, average="macro"), recall_score(TRUE, SAID, average="macro")]


def words():
    return f1_score(["yes", "no", "no"], ["no", "no", "yes"], average="macro")


def correlation():
    return float(pearsonr([1.0, 2.5, 3.0, 4.5], [2, 1, 4, 3])[0])


def bleu():
    return [sacrebleu.corpus_bleu(ANSWERS, [TARGETS]).score, sacrebleu.corpus_chrf(ANSWERS, [TARGETS]).score, sacrebleu.sentence_chrf(ANSWERS[0], [TARGETS[0], TARGETS[1]]).score]


if __name__ == "__main__":
    import json
    import os

    names = ["rouge", "aggregated", "classes", "each_class", "words", "correlation", "bleu"]
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference.json"), "w") as file:
        json.dump({n: globals()[n]() for n in names}, file, indent=1)
        file.write("\n")
