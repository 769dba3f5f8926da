"""Writes ../classes.txt: the character classes of the reference, asked of the reference itself.

    pip install tokenizers==0.23.3
    python unicode.py > ../classes.txt

Hugging Face's tokenizers rests on five libraries with Unicode tables of five ages (Oniguruma, the Rust standard library
and regex crate, and three crates for categories and normal forms). The exact ids need their tables and not those of the
Go version at hand, so every code point is put through the component that uses the class.
"""
import tokenizers
from tokenizers import Regex, normalizers as N, pre_tokenizers as P

assert tokenizers.__version__ == "0.23.3", tokenizers.__version__
POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
ALL = "".join(map(chr, POINTS))


def ranges(points):
    out = []
    for c in sorted(points):
        if out and c == out[-1][1] + 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return " ".join(f"{a:X}" if a == b else f"{a:X}-{b:X}" for a, b in out)


def removed_by(normalizer):
    left = set(normalizer.normalize_str(ALL))
    return [c for c in POINTS if chr(c) not in left]


def removed_alone(normalizer):
    return [c for c in POINTS if normalizer.normalize_str(chr(c)) == ""]


def kinds(pre):
    """How a pre-tokenizer sees a character between two letters: joined, split off, or dropped."""
    pieces = [p for p, _ in pre.pre_tokenize_str("".join(f"a{chr(c)}a\n" for c in POINTS if chr(c) != "a"))]
    out, i = {}, 0
    for c in POINTS:
        if chr(c) == "a":
            continue
        if pieces[i].rstrip("\n") == f"a{chr(c)}a":
            out[c], i = "joined", i + 1
        elif pieces[i] == "a" and pieces[i + 1] == chr(c):
            out[c], i = "split", i + 3
        else:
            assert pieces[i] == "a" and pieces[i + 1] == "a", (hex(c), pieces[i:i + 4])
            out[c], i = "dropped", i + 2
    return out


def members(pre):
    """The characters that a pre-tokenizer which isolates them splits off a letter."""
    return [c for c in POINTS if len(pre.pre_tokenize_str(f"a{chr(c)}")) == 2]


def emit(name, points):
    print(name, ranges(points))


def scripts():
    """Scripts, numbered in the order of their first character; 0 is for characters of any."""
    pre = P.UnicodeScripts()
    first, out = [], {}
    last = None
    for c in POINTS:
        if not pre.pre_tokenize_str(chr(c)):
            out[c] = 0
            continue
        if last is not None and len(pre.pre_tokenize_str(chr(last) + chr(c))) == 1:
            out[c] = out[last]
        else:
            for i, f in enumerate(first):
                if len(pre.pre_tokenize_str(chr(f) + chr(c))) == 1:
                    out[c] = i + 1
                    break
            else:
                first.append(c)
                out[c] = len(first)
        last = c
    for i in range(len(first) + 1):
        emit(f"script{i}", [c for c in POINTS if out[c] == i])


def normal_forms():
    """The characters with a part in normal forms: those that decompose, that are reordered, and that compose."""
    nfkd, nfd, nfc = N.NFKD().normalize_str, N.NFD().normalize_str, N.NFC().normalize_str
    known = set()
    for c in POINTS:
        s = chr(c)
        if nfkd(s) != s or nfd("\u0345" + s) != "\u0345" + s or nfd(s + "\u0334") != s + "\u0334":
            known.add(c)
        d = nfd(s)
        if d != s and nfc(d) == s:
            known.add(ord(d[-1]))
    return known


def lower():
    """Runs of characters that go to lower case alike: first-last/step:distance; a longer mapping is spelt out."""
    low = N.Lowercase().normalize_str
    runs, special = [], []
    for c in POINTS:
        to = low(chr(c))
        if to == chr(c):
            continue
        if len(to) != 1:
            special.append(f"{c:X}=" + "+".join(f"{ord(x):X}" for x in to))
            continue
        d = ord(to) - c
        for step in (1, 2):
            if runs and runs[-1][3] == d and c - runs[-1][1] == step and runs[-1][2] in (0, step):
                runs[-1][1], runs[-1][2] = c, step
                break
        else:
            runs.append([c, c, 0, d])
    print("lower", " ".join([f"{a:X}-{b:X}/{max(s, 1)}:{d}" for a, b, s, d in runs] + special))


def main():
    for name in ("L", "N", "Nd", "M", "Lu", "Ll", "Lt", "Lm", "Lo", "P", "S", "Z", "C", "Han"):
        emit("onig" + name, removed_by(N.Replace(Regex(rf"\p{{{name}}}"), "")))
    emit("onigw", removed_by(N.Replace(Regex(r"\w"), "")))
    # In brackets \w is a little smaller, and the names in brackets have no other table.
    emit("classw", removed_by(N.Replace(Regex(r"[\w]"), "")))
    for name in ("alpha", "upper", "lower", "punct"):
        emit("posix" + name, removed_by(N.Replace(Regex(f"[[:{name}:]]"), "")))
    word = kinds(P.Whitespace())
    emit("rustw", [c for c in word if word[c] == "joined"] + [ord("a")])
    whites = kinds(P.WhitespaceSplit())
    space = [c for c in whites if whites[c] == "dropped"]
    assert space == [c for c in word if word[c] == "dropped"] == removed_by(N.Replace(Regex(r"\s"), ""))
    emit("space", space)
    emit("numeric", members(P.Digits(individual_digits=True)))
    emit("punct", members(P.Punctuation()))
    emit("other", removed_alone(N.BertNormalizer(True, False, False, False)))
    emit("mn", removed_alone(N.BertNormalizer(False, False, True, False)))
    emit("marks", removed_by(N.StripAccents()))
    emit("normal", normal_forms())
    scripts()
    lower()


main()
