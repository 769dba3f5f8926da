"""Writes regex.json: what a regex filter of lm-evaluation-harness makes of texts, by Python's re.

    python3 regex.py > regex.json
"""
import json
import re
import sys

PATTERNS = [
    r"#### (\-?[0-9\.\,]+)",
    r"(-?[$0-9.,]{2,})|(-?[0-9]+)",
    r"The answer is (\-?[0-9\.\,]+).",
    r"(?<=The answer is )(.*)(?=.)",
    r"(?<=answer is )(.*?)(?=\.|$)",
    r"((?<=The answer is )(.*)(?=.)|(?<=answer is )(.*)(?=.))",
    r"\(([A-Z])\)",
    r"(\([A-Z]\))",
    r"(?i)answer:\s*(\w+)",
    r"(?P<word>\w+)\s+(?P=word)",
    r"\d+",
    r"\d*",
    r"\b\w+\b",
    r"^\s*(\S+)",
    r"(\S+)$",
    r"(?m)^(\S+)$",
    r"a{,2}b",
    r"[][()]+",
    r"[^]x]+",
    r"\Aword|word\Z",
    r"(x)|(y)|(z?)",
    r"[\w\s]+",
    r"(?:step \d+: )+(.+)",
    r"(.)(?!\1)",
]
TEXTS = [
    "", "x", "12", "#### 1,234.5", "so 3+4=7. #### 7", "The answer is 42.", "The answer is 42", "the answer is (B).\n",
    "answer: Paris", "ANSWER:\n\tBerlin and more", "the the cat", "a 12 b 3,000 $4.50 c", "word\n", "word", "one\ntwo\n", "one two",
    "ab aab aaab b", "[x](y)]]", "x]y[z", "٣٤ digits", "naïve café", "日本 語", "  spaced\u00a0out ", "step 1: a\nstep 2: b", "y z x",
    "The answer is 1. The answer is 2.", "\x1cfield\x1dgroup", "aab",
]


def select(pattern, at, text):
    match = re.findall(pattern, text)
    if not match or not -len(match) <= at < len(match):
        return None
    match = match[at]
    if isinstance(match, tuple):
        match = [m for m in match if m]
        if not match:
            return None
        match = match[0]
    return match.strip()


cases = [
    {"pattern": p, "group_select": at, "text": t, "answer": select(p, at, t)}
    for p in PATTERNS for at in (0, -1, 1) for t in TEXTS
]
json.dump({"python": sys.version.split()[0], "cases": cases}, sys.stdout, ensure_ascii=True, indent=0)
