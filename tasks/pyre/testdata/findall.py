"""Writes findall.json: the matches that Python's re finds, group 0 first.

    python3 findall.py > findall.json
"""
import json
import re
import sys

PATTERNS = [
    r"#### (\-?[0-9\.\,]+)", r"(-?[$0-9.,]{2,})|(-?[0-9]+)", r"The answer is (\-?[0-9\.\,]+).",
    r"(?<=The answer is )(.*)(?=.)", r"(?<=answer is )(.*?)(?=\.|$)", r"\(([A-Z])\)", r"(?i)answer:\s*(\w+)",
    r"(?P<word>\w+)\s+(?P=word)", r"\d+", r"\d*", r"|a", r"a|", r"a??", r"(a?)b?", r"\b", r"\B", r"\b\w+\b", r"^\s*(\S+)",
    r"(\S+)$", r"$", r"^", r"(?m)^", r"(?m)$", r"(?m)^(\S+)$", r"a{,2}b", r"[][()]+", r"[^]x]+", r"\Aword|word\Z",
    r"(x)|(y)|(z?)", r"[\w\s]+", r"[\W]+", r"[^\W_]+", r"[^\w]+", r"[\s\S]", r"[\w\W]", r"(?s).*#### ", r"(.)(?!\1)",
    r"(?<= )([\" \[\(<{}>\)\]]+)|([\" \[\(<{}>\)\]]+)", r"(?:step \d+: )+(.+)", r"[[:alpha:]]+", r"(a|b*)*", r"(?:a|b?)+c", r"\.$",
    r"(a)?(?(1)b|c)", r"(?:\$|,)", r"\n", r"[\d.]+", r"ß|(?i:ss)",
]
TEXTS = [
    "", "x", "a", "aab", "ab", "aa\n", "baac", "12", "#### 1,234.5", "so 3+4=7. #### 7", "The answer is 42.", "The answer is 42",
    "the answer is (B).\n", "answer: Paris", "ANSWER:\n\tBerlin and more", "the the cat", "a 12 b 3,000 $4.50 c", "word\n", "word",
    "one\ntwo\n", "one two", "ab aab aaab b", "[x](y)]]", "x]y[z", "\u0663\u0664 digits", "na\u00efve caf\u00e9", "e\u0301 a\u203fb _x_",
    "\u65e5\u672c \u8a9e", "  spaced\u00a0out ", "step 1: a\nstep 2: b", "y z x", "The answer is 1. The answer is 2.",
    "\x1cfield\x1dgroup\x85next\u2028line", "\U0001f642 ok \U0001f642", "Stra\u00dfe STRASSE", "alpha:l", "abcbc",
]
cases = []
for p in PATTERNS:
    for t in TEXTS:
        if p == r"\B" and not t:
            continue  # differs between Python 3.13 and 3.14
        cases.append({"pattern": p, "text": t, "matches": [[m.group(0) or ""] + [g or "" for g in m.groups()] for m in re.finditer(p, t)],
                      "sub": re.sub(p, "\u00b7", t)})
json.dump({"python": sys.version.split()[0], "cases": cases}, sys.stdout, ensure_ascii=True, separators=(",", ":"))
