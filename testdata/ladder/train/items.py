"""Writes the held-out items, one JSON object a line: python items.py --out items.jsonl"""

from __future__ import annotations

import argparse
import json

from tasks import item_sets

GRADERS = {"exact": "exact up to ;", "cot": r"regex A:(\d+)"}


def lines(n: int = 200):
    for task, s in item_sets(n).items():
        for i, (prompt, answer) in enumerate(s.items):
            yield {
                "task": task, "id": i, "prompt": prompt, "answer": answer, "chance": s.chance,
                "max_new_tokens": s.max_new_tokens, "grader": GRADERS[s.style],
            }  # fmt: skip


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--out", default="items.jsonl")
    p.add_argument("-n", type=int, default=200, help="items a task")
    a = p.parse_args()
    with open(a.out, "w") as f:
        for line in lines(a.n):
            f.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
