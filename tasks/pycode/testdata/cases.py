# What package pycode must give as Python gives it: each case_* returns a value, or raises. Run as a script, it writes
# what Python gave to cases.json.
import ast
import copy
import functools
import hashlib
import itertools
import json
import math
import random
import re
import string
import unicodedata
from collections import Counter, OrderedDict, defaultdict
from functools import partial
from typing import Dict, List, Optional

CONSTANT = {"a": [1, 2], "b": (3,)}
letters: List[str] = list("ABCD")
_counter = 0


def helper(x, y=2, *rest, key="k", **named):
    """A text that is no code: def f(): return 1"""
    return (x, y, rest, key, sorted(named.items()))


def case_arguments():
    return [helper(1), helper(1, 3, 4, 5, key="z", q=1, p=2), helper(*[1, 2, 3], **{"key": 0, "w": 9}), helper(y=5, x=4)]


def case_default_is_made_once(seen=[]):
    def inner(x, into=[]):
        into.append(x)
        return into

    inner(1)
    return inner(2)


def case_closures():
    def make(n):
        total = 0

        def add(x):
            nonlocal total
            total += x * n
            return total

        return add

    f, g = make(2), make(10)
    return [f(1), f(2), g(1), (lambda a, b=3: a + b)(1), [h(2) for h in [lambda x, i=i: x + i for i in range(3)]]]


def case_globals():
    global _counter
    _counter += 5
    return _counter


def case_comprehensions():
    return [
        [x * y for x in range(4) for y in range(x) if x != y],
        {k: v for k, v in zip("abc", [1, 2, 3])},
        sorted({x % 3 for x in range(10)}),
        list(x for x in (1, 2, 3) if x > 1),
        [[i, j] for i, j in enumerate("xy", 1)],
        [a for a, *_ in [(1, 2, 3), (4, 5)]],
    ]


def case_lazy_generators():
    def explode(x):
        if x > 2:
            raise ValueError(x)
        return x == 2

    return any(explode(x) for x in [1, 2, 3]), next((x for x in [5, 6] if x > 5), None), next(iter([]), "none")


def case_generators():
    def gen(n):
        for i in range(n):
            if i == 3:
                return
            yield i * i
        yield from "ab"

    return list(gen(2)), list(gen(9)), sum(gen(3) if False else [1, 2])


def case_unpacking():
    a, (b, *c), d = 1, (2, 3, 4), 5
    *first, last = "hello"
    x = y = [0]
    x += [1]
    return a, b, c, d, first, last, y, [*range(2), *"ab"], {**{"a": 1}, "b": 2, **{"a": 3}}


def case_slices():
    s = "héllo wörld"
    l = list(range(10))
    l[2:4] = ["x"]
    del l[0]
    return s[1:4], s[::-1], s[-3:], l, l[::3], l[-1], (1, 2, 3)[1:], l[5:2], s[:0]


def case_operators():
    return [7 // 2, -7 // 2, 7 % -3, 2**10, 2**-1, 1 / 4, 7.5 // 2, True + 1, "ab" * 2, [0] * 3, 5 & 3, 5 | 3, 5 ^ 3, ~5, 1 << 4, not [], -True,
            1 < 2 < 3, 1 < 3 < 2, "a" in "abc", 2 not in [1], None is None, (1, 2) < (1, 3), "b" > "a", [1] == [1.0], {1: 2} == {1: 2}]


def case_logic():
    return [0 or "x", 1 and "y", None or [] or 0, "a" if 0 else "b", (n := 5) + n, not (1 and 0)]


def case_strings():
    s = "  The cat's  hat. "
    return [
        s.strip().split(), s.strip().split(" "), s.split("'", 1), s.replace("a", "o", 1), s.upper().lower().title(), s.find("cat"), s.rfind("a"), s.index("T"),
        "a,b,,c".split(","), "x".join(["1", "2"]), "abc".startswith(("x", "a")), "abc".endswith("bc"), "12".isdigit(), "ab1".isalnum(), "Ab".swapcase(),
        "%s is %d and %.2f %5s|%-5s|" % ("x", 3, 2.5, "r", "l"), "{} {1} {k!r:>6}".replace("{1}", "{}").format(1, "b", k="q"), "abc".partition("b"), "a-b-c".rsplit("-", 1),
        "ß".upper(), "ǅ".lower(), "x".zfill(4), "7".rjust(3, "."), "line1\nline2\r\nline3".splitlines(), "aXbX".count("X"), "tab\tx".expandtabs(4), "mississippi".strip("mi"),
        "prefix-x".removeprefix("prefix-"), "x.py".removesuffix(".py"), "hello world".capitalize(), "a1b2".translate(str.maketrans("", "", string.digits)),
        "abc".translate({97: "X", 98: None}), "ab".center(6, "*"),
    ]


def case_formatted():
    x, name, d = 3.14159, "Ann", {"k": [1, "two"]}
    width = 8
    return [f"{x:.2f}|{name!r}|{d['k'][1]}|{x:>{width}.1f}|{{literal}}|{name:<6}|{1_000_000:,}|{0.256:.1%}|{5:03d}|{255:x}", f"{x=} {name.upper()}" f" and {'in' + 'ner'}",
            rf"\d{name}\n", f'{", ".join(letters)}', f"{d!s}", f"{None} {True} {1e20} {1e-7} {float('inf')}", f"{'a' if x else 'b'}"]


def case_escapes():
    return ["\n\t\x41\u00e9\U0001F600\\\'\"", r"\n\d", "a" "b" 'c', """x
  "y" """, "\
joined"]


def case_numbers():
    return [int("42"), int(" -7 "), int(3.9), int(-3.9), float("1e3"), float("nan") != float("nan"), round(2.5), round(3.5), round(2.675, 2), round(1234.5678, -2), abs(-3), abs(-2.5),
            divmod(7, 2), min(3, 1, 2), max([1, 5, 2]), max("ab", "abc", key=len), min([], default=0), sum([1, 2, 3]), round(sum([0.1] * 3, 1), 9), int("ff", 16), bin(5), hex(255), 10**20,
            math.floor(-2.5), math.ceil(2.1), math.sqrt(16), math.log(8, 2), math.exp(0), math.comb(5, 2), math.isclose(0.1 + 0.2, 0.3), 0x1F, 1_000, 1e3, .5]


def case_sorting():
    people = [("b", 2), ("a", 2), ("c", 1)]
    l = [3, 1, 2]
    l.sort(reverse=True)
    return [sorted(people, key=lambda p: p[1]), sorted(people, key=lambda p: p[1], reverse=True), sorted("hello"), l, sorted([True, 0, 2.5]), list(reversed([1, 2]))]


def case_dicts():
    d = {"a": 1, 2: "b", (1, 2): None}
    d["new"] = d.pop("a")
    d.setdefault("s", []).append(1)
    d.update({"u": 1}, v=2)
    keys = list(d.keys())
    return [keys, list(d.values()), list(d.items()), d.get("zz"), d.get("zz", 0), "u" in d, len(d), dict([("x", 1)], y=2), dict.fromkeys("ab", 0), d.copy() == d, d.pop("none", "gone"),
            {"x": 1} | {"y": 2}, list({"b": 1, "a": 2}), {**d}.keys() == d.keys() if False else True]


def case_sets():
    a, b = {1, 2, 3}, set([2, 3, 4])
    a.add(9)
    a.discard(100)
    return [sorted(a | b), sorted(a & b), sorted(a - b), sorted(a ^ b), {1} <= a, a.issuperset({1}), len(a), 9 in a, sorted(set("hello")), {1, 2} == {2, 1}, sorted(a.union([7], [8])), str(set()),
            frozenset([1]) == {1}, bool(set())]


def case_lists():
    l = [1, 2, 3]
    l.insert(1, "x")
    l.extend(range(2))
    l.remove(3)
    popped = l.pop(0)
    alias = l
    alias.append(l.index("x"))
    return l, popped, l.count(0), [1, 2] + [3], [[]] * 2, list(map(str, [1, 2])), list(filter(None, [0, 1, ""])), [x for x in zip([1, 2], "ab", (True, False))], l[::2]


def case_exceptions():
    out = []
    for f in (lambda: 1 / 0, lambda: [][1], lambda: {}["k"], lambda: int("x"), lambda: None.x, lambda: "a" + 1, lambda: undefined_name, lambda: [].index(3)):
        try:
            f()
        except (ZeroDivisionError, IndexError) as e:
            out.append(("arith", type(e).__name__, str(e)))
        except KeyError as e:
            out.append(("key", str(e)))
        except Exception as e:
            out.append(type(e).__name__)
        else:
            out.append("none")
        finally:
            out.append("f")
    return out


class Trouble(ValueError):
    pass


def case_raising():
    out = []
    try:
        try:
            raise Trouble("bad", 3)
        except Trouble as e:
            out.append(e.args)
            raise
    except ValueError as e:
        out.append(str(e))
    try:
        assert 1 == 2, "differs"
    except AssertionError as e:
        out.append(str(e))
    for i in range(3):
        try:
            continue
        finally:
            out.append(i)
    return out


def case_raises_out():
    raise KeyError("missing")


def case_loops():
    out = []
    for i in range(10):
        if i == 2:
            continue
        if i == 5:
            break
        out.append(i)
    else:
        out.append("never")
    n = 3
    while n:
        n -= 1
        if n == 1:
            break
    else:
        out.append("never")
    for _ in []:
        pass
    else:
        out.append("else")
    while True:
        n += 1
        if n > 4:
            return out, n


class Base:
    kind = "base"
    registry: Dict[str, int] = {}

    def __init__(self, name, size=1):
        self.name = name
        self._size = size

    def __len__(self):
        return self._size

    def __repr__(self):
        return f"{type(self).__name__}({self.name!r})"

    def __eq__(self, other):
        return self.name == other.name

    def __call__(self, x):
        return x * 2

    def __getitem__(self, i):
        return self.name[i]

    @property
    def size(self):
        return self._size

    @staticmethod
    def static(x):
        return x + 1

    @classmethod
    def build(cls, name):
        return cls(name, 7)


class Derived(Base):
    kind = "derived"

    def __init__(self, name):
        super().__init__(name, size=3)
        self.extra = self.kind

    def describe(self):
        return [super().__len__(), self.size, self.static(1), Derived.static(2)]


def case_classes():
    b, d = Base("b"), Derived("d")
    return [len(b), repr(d), d.describe(), b == Base("b"), b != d, b(4), d[0], isinstance(d, Base), isinstance(b, Derived), Base.build("z").size, d.extra, hasattr(d, "nope"), getattr(d, "nope", 5),
            Derived.kind, type(d).__name__, str(b), str([d]), f"{d}", issubclass(Derived, Base), bool(Base("x", 0))]


def case_types():
    return [isinstance(1, int), isinstance(True, int), isinstance(1.0, (int, float)), isinstance("x", str), isinstance(None, type(None)), isinstance([], list), isinstance({}, dict), type(1) == int,
            type("a") is str, callable(len), isinstance((1,), tuple), isinstance({1}, set), list(range(3)) == [0, 1, 2], range(5)[2], len(range(0, 10, 3)), str(range(3)), isinstance([], (list, tuple)),
            type([]).__name__]


def case_regex():
    return [
        re.findall(r"\d+", "a1b22"), re.findall(r"(\w)(\d)", "a1 b2"), re.findall(r"(\w)\d", "a1 b2"), re.search(r"b(?P<n>\d)", "a1 b2").group("n"), re.match(r"x", "ax"), bool(re.fullmatch(r"a+", "aaa")),
        re.sub(r"(\w+) (\w+)", r"\2 \g<1>", "hello world"), re.sub(r"[aeiou]", lambda m: m.group(0).upper(), "education", count=2), re.split(r"[,;]\s*", "a, b;c"), re.split(r"(-)", "a-b-c", maxsplit=1),
        [m.span() for m in re.finditer(r"é", "né é")], re.compile(r"^ab", re.I | re.M).findall("AB\nab"), re.sub(r"\s+", " ", "a \n\t b"), re.search(r"(a)|(b)", "b").groups(), re.escape("a.b*c"),
        re.sub(r"\b(a|an|the)\b", " ", "the cat an hat"), re.findall(r"", "ab"), re.match(r"(\d+)-(\d+)", "12-34").group(1, 2), re.search("q", "abc") is None, re.sub(r"x*", "-", "axb"),
        re.compile(r"(?s)a.b").search("a\nb").start(), re.sub("é", r"\\", "né"), re.search(r"(\d+)", "ab12").end(),
    ]


def case_random():
    r = random.Random(42)
    l = list(range(6))
    r.shuffle(l)
    random.seed(1234)
    return [l, r.choice("abcdef"), r.sample(range(100), 4), r.randint(1, 6), r.random(), r.uniform(1, 2), r.choices([1, 2, 3], k=4), random.random(), random.choice([1, 2, 3]), r.randrange(5, 9)]


def case_counter():
    c = Counter("mississippi")
    d = defaultdict(list)
    for k, v in [("a", 1), ("b", 2), ("a", 3)]:
        d[k].append(v)
    e = defaultdict(int)
    e["x"] += 2
    both = Counter([1, 2, 2]) & Counter([2, 2, 3])
    return [c.most_common(2), c["z"], sum(c.values()), dict(d), dict(e), sum(both.values()), c.get("i"), len(c), dict(Counter(a=2) + Counter(a=1, b=1)), list(OrderedDict([("q", 1)]).items())]


def case_itertools():
    return [list(itertools.chain([1], (2, 3))), list(itertools.chain.from_iterable(["ab", "c"])), list(itertools.product([1, 2], "ab")), list(itertools.combinations("abc", 2)), list(itertools.permutations([1, 2, 3], 2)),
            list(itertools.islice("abcdef", 2, 4)), [(k, list(g)) for k, g in itertools.groupby("aabbb")], functools.reduce(lambda a, b: a * b, [1, 2, 3, 4])]


add_three = partial(helper, 3, key="three")


def case_partial():
    return add_three(), add_three(4, key="four"), partial(int, base=2)("101")


def case_json():
    return [json.loads('{"a": [1, 2.5, null, true, "x\\u00e9\\n"], "b": {}}'), json.dumps({"a": [1, None, "é"], "b": 1.0}), json.dumps({"z": 1, "a": "é"}, ensure_ascii=False, indent=2), json.dumps([1e22, 0.1, True])]


def case_json_errors():
    out = []
    for s in ["", "{", "[1,]", "nul", '{"a" 1}', "1 2", '"\n"', "[01]"]:
        try:
            out.append(json.loads(s))
        except json.JSONDecodeError as e:
            out.append(str(e))
    return out


def case_literal():
    return [ast.literal_eval("['a', 1, (2.5, None), {'k': True}]"), ast.literal_eval("-3"), copy.deepcopy(CONSTANT)]


def case_hashes():
    return [hashlib.sha256("abc".encode("utf-8")).hexdigest(), hashlib.md5(b"x").hexdigest(), unicodedata.normalize("NFKD", "é") == "e\u0301", unicodedata.category("!"), unicodedata.category("a"), len("é".encode()), str("é".encode()), b"ab".decode()]


def case_annotations(x: Optional[int] = None, *, y: "list[str] | None" = None) -> Dict[str, int]:
    z: int = 3
    w: str
    return {"z": z}


def case_scopes():
    x = 1

    def f():
        return x

    x = 2
    y = [x for x in range(3)]
    return f(), x, y


def case_nested_data():
    doc = {"q": "hi", "options": ["a", "b"], "m": {"k": [1]}}
    doc["options"].append("c")
    doc["m"]["k"][0] += 5
    doc["m"].update(z=doc.get("q"))
    out = dict(doc)
    out["options"] = [o.upper() for o in out["options"]]
    return doc, out


def case_text_of_values():
    return [str([1, "a", None, 2.0, (1,), {"k": "v"}]), repr("it's"), repr('say "x"'), str(1e16), str(1.0), str(-0.0), repr(b"x"), str(True), f"{[1]}", str(()), str({}), repr("\n\x00é"), str(10**18), str(1e300 * 10)]


def case_chained_methods():
    return "".join(sorted(set("hello".upper()) - {"L"})), " ".join(w.capitalize() for w in "ab cd".split()), [s.strip() for s in " a ; b ".split(";")][-1]



def case_with_else():
    x = 5
    return "big" if x > 10 else "mid" if x > 3 else "small", [i for i in range(10) if i % 2 if i > 3], {True: "yes", False: "no"}[x > 3]


if __name__ == "__main__":
    import os

    out = {}
    for name, f in list(globals().items()):
        if name.startswith("case_"):
            try:
                v = f()
                out[name] = repr(v)
            except Exception as e:
                out[name] = type(e).__name__
    with open(os.path.join(os.path.dirname(__file__), "cases.json"), "w") as file:
        json.dump(out, file, indent=1, ensure_ascii=False)
        file.write("\n")
