"""Measures the reference on the texts of BenchmarkEncode, in MB/s on one thread."""
import glob
import gzip
import os
import re
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from tokenizers import Tokenizer  # noqa: E402

from hard import hard  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))


def tokenizer(name):
    with gzip.open(os.path.join(HERE, "families", name + ".json.gz"), "rt") as f:
        text = f.read()
    if '"charsmap ' in text:
        with gzip.open(os.path.join(HERE, "charsmap.gz"), "rt") as f:
            for i, m in enumerate(f.read().split("\n")):
                text = text.replace(f'"charsmap {i}"', f'"{m}"')
    return Tokenizer.from_str(text)


def main():
    files = sorted(glob.glob(os.path.join(os.environ["GOROOT"], "src/net/http/*.go")))
    code = "".join(open(f, encoding="utf-8", newline="").read() for f in files)
    texts = {"code": code, "hard": "".join(hard(i) + "\n" for i in range(5000))}
    toks = {n: tokenizer(n) for n in ("gpt2", "llama3", "o200k", "llama2", "mistral", "t5", "bert")}
    if os.environ.get("ONSET_BENCH_TOKENIZER"):
        toks["large"] = Tokenizer.from_file(os.environ["ONSET_BENCH_TOKENIZER"])
    for kind, text in texts.items():
        lines = re.split(r"(?<=\n)", text)
        size = len(text.encode())
        for name, t in toks.items():
            best = 0
            for _ in range(3):
                start = time.perf_counter()
                t.encode_batch_fast(lines)
                best = max(best, size / 1e6 / (time.perf_counter() - start))
            print(f"{kind}/{name} {best:.2f} MB/s")


main()
