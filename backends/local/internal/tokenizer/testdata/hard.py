"""The hard strings of the golden tests. hard_test.go makes the same ones: a change here is a change there."""
import json
import os

MASK = (1 << 64) - 1
with open(os.path.join(os.path.dirname(__file__), "hard.json"), encoding="utf-8") as f:
    DATA = json.load(f)
SNIPPETS, RANGES, SPACES, MARKS = DATA["snippets"], DATA["ranges"], DATA["spaces"], DATA["marks"]


class Source:
    """SplitMix64 (Steele, Lea and Flood 2014)."""

    def __init__(self, seed):
        self.state = seed & MASK

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def below(self, n):
        return self.next() % n

    def of(self, items):
        return items[self.below(len(items))]

    def within(self, lo, hi):
        c = lo + self.below(hi - lo + 1)
        return "\ufffd" if 0xD800 <= c < 0xE000 else chr(c)


def segment(s):
    kind = s.below(12)
    if kind <= 2:
        return s.of(SNIPPETS)
    if kind == 3:
        word = "".join(s.within(97, 122) for _ in range(1 + s.below(10)))
        return [word, word.upper(), word[0].upper() + word[1:]][s.below(3)]
    if kind <= 5:
        lo, hi = s.of(RANGES)
        return "".join(s.within(lo, hi) for _ in range(1 + s.below(8)))
    if kind == 6:
        return "".join(s.within(0, 0x10FFFF) for _ in range(1 + s.below(3)))
    if kind == 7:
        return "".join(s.of(SPACES) for _ in range(1 + s.below(6)))
    if kind == 8:
        return "".join(s.within(48, 57) for _ in range(1 + s.below(12)))
    if kind == 9:
        one = s.of(SNIPPETS)
        return one[:1] * (1 + s.below(40))
    if kind == 10:
        base = s.within(97, 122)
        marks = 40 if s.below(20) == 0 else 1 + s.below(5)
        return base + "".join(s.of(MARKS) for _ in range(marks))
    if s.below(40) == 0:
        lo, hi = s.of(RANGES)
        return "".join(s.within(lo, hi) for _ in range(200 + s.below(2000)))
    return s.of(SNIPPETS) + s.of(SNIPPETS)


def hard(i):
    """The string of a number."""
    s = Source(i * 0x632BE59BD9B4E019)
    parts = []
    for _ in range(1 + s.below(6)):
        if s.below(3) == 0:
            parts.append(" ")
        parts.append(segment(s))
    return "".join(parts)
