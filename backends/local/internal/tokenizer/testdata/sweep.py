"""Writes sweep.json: what components of components.py give for every character, a hash for 1,024 at a time.

    pip install tokenizers==0.23.3 sentencepiece==0.2.3
    python sweep.py

A new version of Go, golang.org/x/text or uax29 brings new Unicode tables; this says whether any of them shows.
"""
import hashlib
import json
import os

import tokenizers

from components import components

assert tokenizers.__version__ == "0.23.3", tokenizers.__version__
NAMES = ["normalizer-nfc", "normalizer-nfkd", "normalizer-lowercase", "normalizer-strip-accents",
         "normalizer-bert-lower", "pre-whitespace", "pre-bert", "pre-digits", "pre-unicode-scripts", "pre-llama3",
         "pre-o200k", "added-single"]
BLOCK = 0x400
# Of the planes past the ideographs a sample.
STARTS = list(range(0, 0x33000, BLOCK)) + [0xE0000, 0xE0400, 0xF0000, 0x10FC00]


def text(start):
    chars = [chr(c) for c in range(start, start + BLOCK) if not 0xD800 <= c < 0xE000]
    return "".join(f"a{c}\u0301{c}b{c} " for c in chars)


def main():
    out = {}
    for name, file in components():
        if name in NAMES:
            t = tokenizers.Tokenizer.from_str(json.dumps(file))
            ids = [",".join(map(str, t.encode(text(s)).ids)) for s in STARTS]
            out[name] = "".join(hashlib.sha256(i.encode()).hexdigest()[:4] for i in ids)
    assert len(out) == len(NAMES)
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "sweep.json"), "w") as f:
        json.dump(out, f, indent=0)
        f.write("\n")


main()
