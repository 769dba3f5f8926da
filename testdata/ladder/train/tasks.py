"""The ladder's tasks: what the training text is made of, and the held-out items.

A training document is a list of segments (text, weight); the weight is that of the segment's characters in the loss.
Test items are split from the training text by a checksum of what decides them: arguments, operands, sets of keys.

The order in which random numbers are drawn is part of the program: the same seeds give the same corpus and items.
"""

from __future__ import annotations

import random
import string
import zlib
from collections.abc import Callable
from dataclasses import dataclass

Segments = list[tuple[str, float]]

LETTERS = string.ascii_lowercase
SPECIAL = ["<pad>", "<bos>", "<eos>", "<unk>"]
VOCABULARY = SPECIAL + ["\n"] + [chr(c) for c in range(32, 127)]
PAD, BOS, EOS, UNK = range(4)
TOKEN_OF = {c: i for i, c in enumerate(VOCABULARY)}

# Weights in the loss.
ANSWER, PROMPT, FILLER = 1.0, 0.1, 0.3
UNPREDICTABLE = 0.02  # the first occurrence of a mapped value, which nothing can predict


def encode(text: str) -> list[int]:
    return [TOKEN_OF.get(c, UNK) for c in text]


def decode(ids: list[int]) -> str:
    """The text of ids, without special tokens."""
    return "".join(VOCABULARY[i] for i in ids if i > UNK)


def held_out(kind: str, key: str, one_in: int = 8) -> bool:
    """Whether what key decides is for testing only."""
    return zlib.crc32(f"{kind}|{key}".encode()) % one_in == 0


def argument(rng: random.Random, kind: str, length: int, test: bool) -> str:
    """A random word on the wanted side of the split."""
    while True:
        word = "".join(rng.choice(LETTERS) for _ in range(length))
        if held_out(kind, word) == test:
            return word


# --- instructions and rules: operations on words -------------------------------------------------------------------


def next_letters(word: str) -> str:
    return "".join(chr((ord(c) - 97 + 1) % 26 + 97) for c in word)


ARRANGE: dict[str, Callable[[str], str]] = {
    "copy": lambda w: w,
    "reverse": lambda w: w[::-1],
    "rotate": lambda w: w[1:] + w[0],
    "double": lambda w: w + w,
    "first": lambda w: w[0],
    "last": lambda w: w[-1],
    "sort": lambda w: "".join(sorted(w)),
}
CHANGE: dict[str, Callable[[str], str]] = {
    "": lambda w: w,
    "upper": str.upper,
    "next": next_letters,
    "dash": lambda w: "-".join(w),
}
UNSEEN = {("reverse", "upper"), ("rotate", "next"), ("double", "upper"), ("last", "next"), ("rotate", "dash")}
SEEN = [
    (a, c)
    for a in ARRANGE
    for c in CHANGE
    if (a, c) not in UNSEEN and not (a in ("first", "last") and c == "dash")
]
RULES = [
    ARRANGE["reverse"], ARRANGE["rotate"], CHANGE["upper"], next_letters,
    ARRANGE["double"], ARRANGE["first"], ARRANGE["last"], ARRANGE["copy"],
]  # fmt: skip


def instruction(arrange: str, change: str) -> str:
    if not change:
        return arrange.capitalize()
    if arrange == "copy":
        return change.capitalize()
    return f"{arrange.capitalize()} then {change}"


def train_instruction(rng: random.Random) -> Segments:
    arrange, change = rng.choice(SEEN)
    word = argument(rng, "arg", rng.choice([3, 4, 4]), test=False)
    return [(f"{instruction(arrange, change)}: {word} -> ", PROMPT), (CHANGE[change](ARRANGE[arrange](word)), ANSWER)]


def test_instruction(rng: random.Random, combinations: list[tuple[str, str]]) -> tuple[str, str]:
    arrange, change = rng.choice(combinations)
    word = argument(rng, "arg", 4, test=True)
    return f"{instruction(arrange, change)}: {word} -> ", CHANGE[change](ARRANGE[arrange](word))


def train_rule(rng: random.Random) -> Segments:
    rule = rng.choice(RULES)
    segments: Segments = [("Rule: ", PROMPT)]
    for i in range(rng.choice([2, 3, 4, 5, 6, 9])):
        word = argument(rng, "arg", 3, test=False)
        # The first example is the only one before which the rule is unknown.
        segments += [(word + ">", PROMPT), (rule(word) + ";", ANSWER if i else PROMPT)]
    return segments


def test_rule(rng: random.Random, shots: int) -> tuple[str, str]:
    rule = rng.choice(RULES)
    while True:
        query = argument(rng, "arg", 3, test=True)
        if len(set(query)) == 3:
            break
    examples = "".join(f"{w}>{rule(w)};" for w in (argument(rng, "arg", 3, test=True) for _ in range(shots)))
    return f"Rule: {examples}{query}>", rule(query)


# --- in-context mappings -------------------------------------------------------------------------------------------

KEYS_AND_EXAMPLES = [(2, 4), (4, 8), (5, 10), (8, 16)]


def mapping(rng: random.Random, examples: int, test: bool, keys: int = 5) -> tuple[dict[str, str], list[str], str]:
    """A fresh mapping of letters, the keys of its worked examples (drawn with replacement), and a query.

    The SET of keys is held out. Holding out pairs of key and value would teach the model to avoid the answers. Sets of
    fewer than four keys are too few to split.
    """
    while True:
        chosen = rng.sample(LETTERS, keys)
        if keys < 4 or held_out("map", ",".join(sorted(chosen))) == test:
            break
    values = {k: rng.choice(LETTERS) for k in chosen}
    shown = [rng.choice(chosen) for _ in range(examples)]
    return values, shown, rng.choice(chosen)


def train_mapping(rng: random.Random, name: str = "Map:", sign: str = "") -> Segments:
    keys, examples = rng.choice(KEYS_AND_EXAMPLES)
    values, shown, query = mapping(rng, examples, False, keys)
    segments: Segments = [(name, PROMPT)]
    seen: set[str] = set()
    for key in shown + [query]:
        segments += [(f" {key}{sign}", PROMPT), (values[key], ANSWER if key in seen else UNPREDICTABLE)]
        seen.add(key)
    return segments


def test_mapping(rng: random.Random, shots: int, name: str = "Map:", sign: str = "") -> tuple[str, str]:
    values, shown, query = mapping(rng, shots, True)
    return name + "".join(f" {k}{sign}{values[k]}" for k in shown) + f" {query}{sign}", values[query]


# --- sums, at once and step by step --------------------------------------------------------------------------------


def steps(numbers: list[int], modulus: int, digits: int) -> str:
    """The working: 2+7=9+7=6 is 2+7+7 modulo 10."""
    total = numbers[0]
    text = f"{total:0{digits}d}"
    for n in numbers[1:]:
        total = (total + n) % modulus
        text += f"+{n:0{digits}d}={total:0{digits}d}"
    return text


def digits_to_sum(rng: random.Random, n: int, test: bool) -> list[int]:
    while True:
        numbers = [rng.randrange(10) for _ in range(n)]
        if n <= 2 or held_out("sum", ",".join(map(str, numbers))) == test:
            return numbers


def numbers_to_add(rng: random.Random, n: int, test: bool) -> list[int]:
    while True:
        numbers = [rng.randrange(100) for _ in range(n)]
        if held_out("add", ",".join(map(str, numbers))) == test:
            return numbers


def train_sum(rng: random.Random, style: str) -> Segments:
    numbers = digits_to_sum(rng, rng.choice([2, 3, 4, 5, 6]), test=False)
    return worked("Sum: ", numbers, 10, 1, style)


def train_add(rng: random.Random, style: str) -> Segments:
    numbers = numbers_to_add(rng, rng.choice([2, 2, 3, 4]), test=False)
    return worked("Add: ", numbers, 100, 2, style)


def worked(name: str, numbers: list[int], modulus: int, digits: int, style: str) -> Segments:
    question = name + "+".join(f"{n:0{digits}d}" for n in numbers)
    answer = f"{sum(numbers) % modulus:0{digits}d}"
    if style == "direct":
        return [(question + " A:", PROMPT), (answer, ANSWER)]
    return [(question + " S:", PROMPT), (f"{steps(numbers, modulus, digits)} A:{answer}", ANSWER)]


def test_sum(rng: random.Random, style: str, n: int) -> tuple[str, str]:
    return asked(worked("Sum: ", digits_to_sum(rng, n, test=True), 10, 1, "direct"), style)


def test_add(rng: random.Random, style: str, n: int) -> tuple[str, str]:
    return asked(worked("Add: ", numbers_to_add(rng, n, test=True), 100, 2, "direct"), style)


def asked(direct: Segments, style: str) -> tuple[str, str]:
    prompt, answer = direct[0][0], direct[1][0]
    return (prompt if style == "direct" else prompt[:-3] + " S:"), answer


# --- controls: facts to remember, a hash that nobody can learn, plain sentences ------------------------------------

FOODS = "plum rice corn figs kale nuts leek peas eggs fish soup cake milk oats lime beet".split()


def make_facts() -> tuple[list[str], dict[str, str]]:
    """400 made-up names, and what each likes. The names come first from the stream, then the foods."""
    rng = random.Random(77)
    names: list[str] = []
    while len(names) < 400:
        syllables = "".join(rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(2))
        name = syllables + rng.choice("klmnrstx")
        if name not in names:
            names.append(name)
    return names, {name: rng.choice(FOODS) for name in names}


NAMES, LIKES = make_facts()
NAME_WEIGHTS = [1 / (i + 5) for i in range(len(NAMES))]  # Zipf-like: some facts are seen often, some rarely


def train_fact(rng: random.Random) -> Segments:
    name = rng.choices(NAMES, NAME_WEIGHTS)[0]
    return [("Fact: ", PROMPT), (name, PROMPT), (" likes ", PROMPT), (LIKES[name], ANSWER)]


def hash_digit(word: str) -> str:
    return str(zlib.crc32(("h" + word).encode()) // 7 % 10)


def train_hash(rng: random.Random) -> Segments:
    word = argument(rng, "hash", 4, test=False)
    return [(f"Hash: {word} -> ", PROMPT), (hash_digit(word), ANSWER)]


def test_hash(rng: random.Random) -> tuple[str, str]:
    word = argument(rng, "hash", 4, test=True)
    return f"Hash: {word} -> ", hash_digit(word)


ADJECTIVES = "old red small big wet dark kind slow".split()
NOUNS = "dog cat man fox bird girl ship tree king wolf".split()
TRANSITIVE = "sees takes likes finds holds moves".split()
INTRANSITIVE = "sleeps runs sings waits".split()
PLACES = "hill river house road field".split()


def geometric(rng: random.Random, words: list[str]) -> str:
    """A word of the list, the early ones more often."""
    return words[min(int(rng.expovariate(0.4)), len(words) - 1)]


def noun_phrase(rng: random.Random) -> str:
    article = rng.choice(["the", "the", "a"]) + " "
    adjective = geometric(rng, ADJECTIVES) + " " if rng.random() < 0.4 else ""
    return article + adjective + geometric(rng, NOUNS)


def sentence(rng: random.Random) -> str:
    subject = noun_phrase(rng) + " "
    if rng.random() < 0.3:
        predicate = geometric(rng, INTRANSITIVE)
    else:
        predicate = geometric(rng, TRANSITIVE) + " " + noun_phrase(rng)
    place = ""
    if rng.random() < 0.3:
        place = rng.choice([" near the ", " by the "]) + geometric(rng, PLACES)
    return (subject + predicate + place).capitalize() + "."


def train_text(rng: random.Random) -> Segments:
    return [(" ".join(sentence(rng) for _ in range(rng.choice([1, 2]))), FILLER)]


# --- the mix, and the held-out items -------------------------------------------------------------------------------

GENERATORS: dict[str, Callable[[random.Random], Segments]] = {
    "map": train_mapping,
    "dict": lambda rng: train_mapping(rng, "Dict:", "="),
    "acot": lambda rng: train_add(rng, "cot"),
    "adirect": lambda rng: train_add(rng, "direct"),
    "rule": train_rule,
    "inst": train_instruction,
    "cot": lambda rng: train_sum(rng, "cot"),
    "direct": lambda rng: train_sum(rng, "direct"),
    "fact": train_fact,
    "hash": train_hash,
    "text": train_text,
}

# Shares of the tokens.
MIX = {
    "map": 0.09, "dict": 0.09, "rule": 0.13, "inst": 0.25, "cot": 0.08, "direct": 0.04, "acot": 0.15, "adirect": 0.05,
    "fact": 0.05, "hash": 0.02, "text": 0.05,
}  # fmt: skip


@dataclass(frozen=True)
class ItemSet:
    """The held-out items of one task: prompts with answers, and how to ask and grade."""

    items: list[tuple[str, str]]
    chance: float
    max_new_tokens: int
    style: str  # "exact": the text up to ";" is the answer; "cot": the answer follows "A:"


def item_sets(n: int = 200, seed: int = 2024, dev: bool = False) -> dict[str, ItemSet]:
    """All held-out items. dev draws another sample, for decisions on the recipe."""
    out: dict[str, ItemSet] = {}

    def add(name: str, make: Callable[[random.Random], tuple[str, str]], chance: float, tokens: int = 12, style: str = "exact") -> None:
        # Both styles of a task have one stream, so that they ask the same problems.
        rng = random.Random(f"{seed}-{name.replace('_direct', '').replace('_cot', '')}-{dev}")
        out[name] = ItemSet([make(rng) for _ in range(n)], chance, tokens, style)

    for k in (0, 1, 2, 4, 8, 16):
        add(f"icl_map_{k}shot", lambda rng, k=k: test_mapping(rng, k), 1 / 26, 1)
    for k in (0, 1, 2, 4, 8, 16):
        add(f"icl_dict_{k}shot", lambda rng, k=k: test_mapping(rng, k, "Dict:", "="), 1 / 26, 1)
    for k in (0, 1, 2, 4, 8):
        add(f"icl_rule_{k}shot", lambda rng, k=k: test_rule(rng, k), 0.0, 8)
    add("inst_seen", lambda rng: test_instruction(rng, SEEN), 0.0, 20)
    add("inst_heldout_combo", lambda rng: test_instruction(rng, sorted(UNSEEN)), 0.0, 20)
    for terms in (2, 4, 6):
        add(f"sum{terms}_direct", lambda rng, m=terms: test_sum(rng, "direct", m), 0.1, 1)
        add(f"sum{terms}_cot", lambda rng, m=terms: test_sum(rng, "cot", m), 0.1, 32, "cot")
    for terms in (2, 3, 4):
        add(f"add{terms}_direct", lambda rng, m=terms: test_add(rng, "direct", m), 0.01, 2)
        add(f"add{terms}_cot", lambda rng, m=terms: test_add(rng, "cot", m), 0.01, 36, "cot")
    facts = [(f"Fact: {name} likes ", LIKES[name]) for name in NAMES[::2]][:n]
    out["fact"] = ItemSet(facts, 1 / 16, 6, "exact")
    add("hash", test_hash, 0.1, 1)
    return out
