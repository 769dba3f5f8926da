"""Writes vectors.json: what CPython's random.Random draws.

    python3 vectors.py > vectors.json
"""
import json
import random
import sys

cases = []
for seed in [0, 1, 2, 42, 1234, -7, 2**31, 2**32 - 1, 2**32, 2**53 + 1, 2**63 - 1]:
    r = random.Random(seed)
    case = {"seed": seed, "words": [r.getrandbits(32) for _ in range(3)], "floats": [r.random() for _ in range(3)]}
    case["below"] = [[n, r.randrange(n)] for n in [1, 2, 3, 1000, 2**31, 2**32 - 1, 2**32, 2**40 + 1, 2**62]]
    case["samples"] = [
        [n, k, r.sample(range(n), k)]
        for n, k in [(1, 1), (5, 0), (20, 6), (21, 5), (22, 5), (7473, 5), (85, 6), (86, 6), (300, 64), (1000, 21), (1000, 22)]
    ]
    shuffled = list(range(700))
    r.shuffle(shuffled)
    case["shuffle"] = shuffled
    case["choices"] = r.choices(range(1000), k=700)
    cases.append(case)
json.dump({"python": sys.version.split()[0], "cases": cases}, sys.stdout, separators=(",", ":"))
