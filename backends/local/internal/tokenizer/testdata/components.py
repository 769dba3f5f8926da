"""Tokenizers that show what one component does: their model has tokens for bytes alone and marks where words end."""
from families import BYTES, CLIP, DEEPSEEK, GPT2, LLAMA3, O200K

BASE = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": None, "post_processor": None, "decoder": None,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": "|", "fuse_unk": False, "byte_fallback": True, "ignore_merges": False,
                  "vocab": {b: i for i, b in enumerate(BYTES)}, "merges": []}}


def split(regex, behavior="Isolated", invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: regex}, "behavior": behavior, "invert": invert}


def replace(regex, content, kind="Regex"):
    return {"type": "Replace", "pattern": {kind: regex}, "content": content}


def added(content, **options):
    return {"id": 0, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
            "special": False} | options


def metaspace(scheme, splits=True):
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": splits}


def seq(key, *steps):
    return {"type": "Sequence", key: list(steps)}


NORMALIZERS = {
    "nfc": {"type": "NFC"}, "nfd": {"type": "NFD"}, "nfkc": {"type": "NFKC"}, "nfkd": {"type": "NFKD"},
    "lowercase": {"type": "Lowercase"}, "strip": {"type": "Strip", "strip_left": True, "strip_right": True},
    "strip-left": {"type": "Strip", "strip_left": True, "strip_right": False},
    "strip-accents": {"type": "StripAccents"}, "nmt": {"type": "Nmt"}, "byte-level": {"type": "ByteLevel"},
    "prepend": {"type": "Prepend", "prepend": "ab"}, "replace-string": replace("the", "<>", "String"),
    "replace-regex": replace(r"\s+|[aeiou]{2,}", "_"), "replace-anchors": replace(r"^\w|\d$", "#"),
    "bert-clean": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": False, "strip_accents": False,
                   "lowercase": False},
    "bert-accents": {"type": "BertNormalizer", "clean_text": False, "handle_chinese_chars": True,
                     "strip_accents": True, "lowercase": False},
    "bert-lower": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
                   "lowercase": True},
    "sequence": seq("normalizers", {"type": "NFD"}, {"type": "StripAccents"}, {"type": "Lowercase"}),
}
PRE_TOKENIZERS = {
    "byte-level": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
    "whitespace": {"type": "Whitespace"}, "whitespace-split": {"type": "WhitespaceSplit"},
    "bert": {"type": "BertPreTokenizer"}, "digits": {"type": "Digits", "individual_digits": False},
    "digits-individual": {"type": "Digits", "individual_digits": True}, "unicode-scripts": {"type": "UnicodeScripts"},
    "delimiter": {"type": "CharDelimiterSplit", "delimiter": "e"}, "fixed-length": {"type": "FixedLength", "length": 3},
    "metaspace-always": metaspace("always"), "metaspace-first": metaspace("first"),
    "metaspace-never": metaspace("never"), "metaspace-whole": metaspace("first", False),
    "scripts-and-digits": seq("pretokenizers", {"type": "UnicodeScripts"}, {"type": "Digits", "individual_digits": True}),
    "string": split("the", kind="String"), "gpt2": split(GPT2), "llama3": split(LLAMA3), "o200k": split(O200K),
    "deepseek": split(DEEPSEEK), "clip": split(CLIP, "Removed", True),
    "word-boundary": split(r"\b\w"), "lookbehind": split(r"(?<=[.?!])\s+|(?<!\w)\d"), "lazy": split(r"<.+?>|\s{2,4}?"),
    "possessive": split(r"[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s"),
    "ignore-case": split(r"(?i:the|[k-s]+é?)|(?i)STRASSE"), "classes": split(r"[\p{Lu}&&[^A-F]]+|[[:digit:]\h]+|[^\W_]"),
    "properties": split(r"\p{Han}+|\p{^L}\P{N}|[\p{Hiragana}\p{Katakana}]+|\p{Letter}|\p{Script=Greek}"
                        .replace(r"|\p{Script=Greek}", "")),
    "atomic": split(r"(?>a+|b)c?|(x)(?<name>y)?|\R"), "lines": split(r"^.{1,5}$|\A.|.\z"),
}
for one in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
    for invert in (False, True):
        PRE_TOKENIZERS[f"split-{one}-{invert}"] = split(r"\s|[aeiou]+", one, invert)
    PRE_TOKENIZERS[f"punctuation-{one}"] = {"type": "Punctuation", "behavior": one}
DECODERS = {
    "strip": {"type": "Strip", "content": "a", "start": 1, "stop": 0},
    "replace": replace("[0-9A-C]+", "~"),
    "wordpiece": {"type": "WordPiece", "prefix": "<0x6", "cleanup": True},
    "bpe": {"type": "BPEDecoder", "suffix": "1"}, "ctc": {"type": "CTC", "pad_token": "<0x61>", "word_delimiter_token": "0",
                                                          "cleanup": True},
    "byte-fallback": {"type": "ByteFallback"},
    "fuse-strip": seq("decoders", {"type": "ByteFallback"}, {"type": "Fuse"},
                      {"type": "Strip", "content": " ", "start": 2, "stop": 0}),
    "fuse-replace": seq("decoders", {"type": "ByteFallback"}, {"type": "Fuse"}, replace("the|\\s", "+")),
}
ADDED = {
    "plain": [added("yesterday"), added("the"), added("<s>", special=True), added("</s>", special=True), added("aa")],
    "strip": [added("yesterday", lstrip=True), added("Yesterday", rstrip=True), added("<mask>", lstrip=True, rstrip=True),
              added(" ", rstrip=True)],
    "single": [added("the", single_word=True), added("1", single_word=True), added("é", single_word=True),
               added("token", single_word=True), added("token tok")],
    "normalized": [added("YESTERDAY", normalized=True), added("Café", normalized=True, special=True),
                   added("The", normalized=True, single_word=True, lstrip=True), added("<s>"), added("ß", normalized=True)],
}


def components():
    """Pairs of a name and a tokenizer.json."""
    for name, n in NORMALIZERS.items():
        yield f"normalizer-{name}", BASE | {"normalizer": n}
        yield f"normalizer-{name}-metaspace", BASE | {"normalizer": n, "pre_tokenizer": metaspace("first")}
    for name, p in PRE_TOKENIZERS.items():
        yield f"pre-{name}", BASE | {"pre_tokenizer": p}
    for name, d in DECODERS.items():
        yield f"decoder-{name}", BASE | {"decoder": d}
    for name, a in ADDED.items():
        lower = seq("normalizers", {"type": "Lowercase"}, {"type": "NFKD"})
        yield f"added-{name}", BASE | {"added_tokens": a, "normalizer": lower, "pre_tokenizer": metaspace("first"),
                                       "decoder": {"type": "ByteFallback"}}
