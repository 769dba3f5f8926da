"""Writes the tokenizers of families.py and components.py and what the reference gives for them.

    pip install tokenizers==0.23.3 sentencepiece==0.2.3
    python golden.py              writes families/*.json.gz, charsmap.gz, golden.json.gz
    python golden.py NAME NUMBER  prints what a tokenizer gives for a string

Each tokenizer encodes the 10,000 strings of hard.py. The ids and the decoded texts of a hundred strings together are
kept as the first bytes of a hash, so that a test names the hundred in which it differs; of some strings all is kept.
"""
import gzip
import hashlib
import json
import os
import sys

import sentencepiece
import tokenizers

from components import components
from families import FAMILIES
from hard import Source, hard

assert tokenizers.__version__ == "0.23.3", tokenizers.__version__
assert sentencepiece.__version__ == "0.2.3", sentencepiece.__version__
HERE = os.path.dirname(os.path.abspath(__file__))
BLOCK = 100


def random_ids(i, size):
    """Ids to decode that no text gives."""
    s = Source(i ^ 0x5DEECE66D)
    return [s.below(size) for _ in range(1 + s.below(12))]


def results(t, i):
    text = hard(i)
    ids = t.encode(text).ids
    bare = t.encode(text, add_special_tokens=False).ids
    size = max(t.get_vocab().values()) + 1
    drawn = random_ids(i, size)
    return {"text": text, "ids": ids, "bare": bare, "decoded": t.decode(ids), "whole": t.decode(ids, False),
            "drawn": drawn, "drawn_decoded": t.decode(drawn)}


def blocks(t, count):
    encoded, decoded = [], []
    for start in range(0, count, BLOCK):
        e, d = hashlib.sha256(), hashlib.sha256()
        for i in range(start, start + BLOCK):
            r = results(t, i)
            e.update((",".join(map(str, r["ids"])) + ";" + ",".join(map(str, r["bare"])) + "\n").encode())
            d.update((r["decoded"] + "\0" + r["whole"] + "\0" + r["drawn_decoded"] + "\n").encode())
        encoded.append(e.hexdigest()[:8])
        decoded.append(d.hexdigest()[:8])
    return {"encoded": "".join(encoded), "decoded": "".join(decoded)}


def write(name, text):
    path = os.path.join(HERE, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f, gzip.GzipFile("", "wb", 9, f, 0) as z:
        z.write(text.encode())
    print(name, os.path.getsize(path), file=sys.stderr)


def without_map(text, maps):
    """Takes character maps out of a file, which are large and equal."""
    f = json.loads(text)

    def walk(c):
        if isinstance(c, dict):
            if c.get("precompiled_charsmap"):
                if c["precompiled_charsmap"] not in maps:
                    maps.append(c["precompiled_charsmap"])
                c["precompiled_charsmap"] = f"charsmap {maps.index(c['precompiled_charsmap'])}"
            for v in c.values():
                walk(v)
        elif isinstance(c, list):
            for v in c[:20]:
                walk(v)
    walk(f["normalizer"])
    return json.dumps(f, ensure_ascii=False, separators=(",", ":"))


def main():
    if len(sys.argv) == 3:
        for t in [f() for f in FAMILIES if f.__name__ == sys.argv[1]] + [
                tokenizers.Tokenizer.from_str(json.dumps(c)) for n, c in components() if n == sys.argv[1]]:
            print(json.dumps(results(t, int(sys.argv[2])), indent=1))
        return
    golden, maps = {"version": tokenizers.__version__, "families": [], "components": []}, []
    for family in FAMILIES:
        t = family()
        write(f"families/{family.__name__}.json.gz", without_map(t.to_str(), maps))
        golden["families"].append({"name": family.__name__, "count": 10_000, **blocks(t, 10_000),
                                   "cases": [results(t, i) for i in range(0, 10_000, 500)]})
    for name, file in components():
        t = tokenizers.Tokenizer.from_str(json.dumps(file))
        golden["components"].append({"name": name, "count": 2_000, **blocks(t, 2_000),
                                     "cases": [results(t, i) for i in range(0, 2_000, 1_000)]})
    write("charsmap.gz", "\n".join(maps))
    write("components.json.gz", json.dumps(dict(components())))
    write("golden.json.gz", json.dumps(golden))


main()
