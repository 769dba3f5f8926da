"""python -m unittest: the program's own checks. Those that need recorded data skip where it is not there."""

from __future__ import annotations

import json
import os
import random
import tempfile
import unittest

import numpy as np
import torch

import corpus
import items
from model import SIZES, Model, load, save
from tasks import SEEN, UNSEEN, decode, encode, held_out, item_sets

SHARED = os.environ.get("ONSET_SHARED", os.path.join(os.path.dirname(__file__), "..", "..", "..", "..", "shared"))


class Items(unittest.TestCase):
    def test_equal_recorded(self) -> None:
        path = os.path.join(SHARED, "ladder", "items.jsonl")
        if not os.path.exists(path):
            self.skipTest("the recorded items are kept beside the project")
        with open(path) as f:
            self.assertEqual([json.loads(line) for line in f], list(items.lines()))

    def test_both_styles_ask_the_same(self) -> None:
        sets = item_sets(20)
        for task in ("sum4", "add3"):
            direct, cot = sets[f"{task}_direct"].items, sets[f"{task}_cot"].items
            self.assertEqual([(p[:-3], a) for p, a in direct], [(p[:-3], a) for p, a in cot])

    def test_unseen_combinations_are_not_trained(self) -> None:
        self.assertFalse(UNSEEN & set(SEEN))


class Corpus(unittest.TestCase):
    def test_repeatable_and_packed(self) -> None:
        x, w, d = corpus.make(20_000, 3)
        again = corpus.make(20_000, 3)
        for a, b in zip((x, w, d), again):
            np.testing.assert_array_equal(a, b)
        self.assertTrue(((x > 0) == (d > 0)).all())
        self.assertGreater((x > 0).mean(), 0.9)

    def test_no_test_word_is_trained(self) -> None:
        rng = random.Random(0)
        for _ in range(300):
            ids, _ = corpus.document(rng, "hash")
            word = decode(ids).split()[1]
            self.assertFalse(held_out("hash", word))


class Checkpoint(unittest.TestCase):
    def test_comes_back(self) -> None:
        torch.manual_seed(0)
        m = Model(SIZES["s1"])
        ids = torch.tensor([[1] + encode("Map: ab a")])
        with tempfile.TemporaryDirectory() as folder:
            save(m, folder, {})
            back = load(folder)
        with torch.no_grad():
            self.assertLess(float((m(ids) - back(ids)).abs().max()), 0.05)  # the file holds float16


if __name__ == "__main__":
    unittest.main()
