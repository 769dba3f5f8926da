"""Small tokenizers of every family, trained on text made here. golden.py writes them and what they give.

Nothing is downloaded: each has the components of the tokenizers that its family is named after, and a vocabulary of its
own.
"""
import base64
import io
import json

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders as D, models as M, normalizers as N
from tokenizers import pre_tokenizers as P, processors as R, trainers as T

from hard import SNIPPETS, hard

PROSE = """
The quick brown fox jumps over the lazy dog. It's a truth universally acknowledged that she'll say they've won; we're
not so sure, and I'd rather wait. Models of many sizes were trained on the same data, and their scores were compared.
In 2024, 1,234 of 5,678 runs (21.7%) didn't finish; the others took 12 to 48 hours each. What's the answer? 42!
def main():\n    for i in range(10):\n        print(f"{i}: {i ** 2}")\n\tif x == y and not z:\n\t\treturn [a, b]\n
Der schnelle braune Fuchs springt über den faulen Hund. Ça n'a pas d'importance, naïve café. El niño comió piñatas.
Быстрая коричневая лиса прыгает через ленивую собаку. Η γρήγορη καφέ αλεπού. זריז שועל חום. الثعلب البني السريع.
敏捷的棕色狐狸跳过懒狗。素早い茶色の狐がのろまな犬を飛び越える。재빠른 갈색 여우가 게으른 개를 뛰어넘는다.
तेज भूरी लोमड़ी आलसी कुत्ते के ऊपर कूदती है। Con cáo nâu nhanh nhẹn nhảy qua con chó lười biếng. 😀 👍🏽 ❤️
""".strip().split("\n")
CORPUS = PROSE * 8 + [" ".join(SNIPPETS)] * 2 + [hard(1_000_000 + i) for i in range(300)]

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
O200K = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])
DEEPSEEK = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
            r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CLIP = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
BYTES = [f"<0x{b:02X}>" for b in range(256)]


def special(text, **options):
    return AddedToken(text, special=True, normalized=False, **options)


def byte_bpe(size, special_tokens=(), **options):
    t = Tokenizer(M.BPE(**options))
    t.pre_tokenizer = P.ByteLevel(add_prefix_space=False)
    trainer = T.BpeTrainer(vocab_size=size, special_tokens=list(special_tokens), show_progress=False,
                           initial_alphabet=sorted(P.ByteLevel.alphabet()))
    return t, trainer


def gpt2():
    t, trainer = byte_bpe(900, ["<|endoftext|>"])
    t.train_from_iterator(CORPUS, trainer)
    t.post_processor = R.ByteLevel(trim_offsets=False)
    t.decoder = D.ByteLevel()
    return t


def llama3():
    t, trainer = byte_bpe(900, ignore_merges=True)
    t.pre_tokenizer = P.Sequence([P.Split(Regex(LLAMA3), "isolated"), P.ByteLevel(False, use_regex=False)])
    t.train_from_iterator(CORPUS, trainer)
    t.add_special_tokens([special(s) for s in (
        "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")])
    bos = t.token_to_id("<|begin_of_text|>")
    t.post_processor = R.Sequence([R.ByteLevel(), R.TemplateProcessing(
        "<|begin_of_text|> $A", "<|begin_of_text|> $A <|begin_of_text|> $B", [("<|begin_of_text|>", bos)])])
    t.decoder = D.ByteLevel()
    # Tokens that no merge makes, which ignore_merges lets through.
    f = json.loads(t.to_str())
    f["model"]["merges"] = [m for m in f["model"]["merges"] if "".join(m) not in ("Ġthe", "Ġand", "ing")]
    return Tokenizer.from_str(json.dumps(f))


def qwen2():
    t, trainer = byte_bpe(900)
    t.normalizer = N.NFC()
    t.pre_tokenizer = P.Sequence([P.Split(Regex(QWEN2), "isolated"), P.ByteLevel(False, use_regex=False)])
    t.train_from_iterator(CORPUS, trainer)
    t.add_special_tokens([special(s) for s in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")])
    t.post_processor = R.ByteLevel()
    t.decoder = D.ByteLevel()
    return t


def o200k():
    t, trainer = byte_bpe(800)
    t.pre_tokenizer = P.Sequence([P.Split(Regex(O200K), "removed", invert=True), P.ByteLevel(False, use_regex=False)])
    t.train_from_iterator(CORPUS, trainer)
    t.decoder = D.ByteLevel()
    return t


def deepseek():
    t, trainer = byte_bpe(800)
    t.pre_tokenizer = P.Sequence([
        P.Split(Regex(r"\p{N}{1,3}"), "isolated"), P.Split(Regex("[一-龥぀-ゟ゠-ヿ]+"), "isolated"),
        P.Split(Regex(DEEPSEEK), "isolated"), P.ByteLevel(False, use_regex=False)])
    t.train_from_iterator(CORPUS, trainer)
    t.add_special_tokens([special("<｜begin▁of▁sentence｜>")])
    t.decoder = D.ByteLevel()
    return t


def neox():
    t, trainer = byte_bpe(800, ["<|endoftext|>", "<|padding|>"])
    t.normalizer = N.NFC()
    t.train_from_iterator(CORPUS, trainer)
    t.add_tokens([AddedToken(" " * n, normalized=True) for n in range(24, 1, -1)])
    t.post_processor = R.ByteLevel()
    t.decoder = D.ByteLevel()
    return t


def starcoder():
    t, trainer = byte_bpe(700, ["<|endoftext|>"])
    t.pre_tokenizer = P.Sequence([P.Digits(individual_digits=True), P.ByteLevel(add_prefix_space=False)])
    t.train_from_iterator(CORPUS, trainer)
    t.decoder = D.ByteLevel()
    return t


def roberta():
    t, trainer = byte_bpe(800, ["<s>", "<pad>", "</s>", "<unk>"])
    t.pre_tokenizer = P.ByteLevel(add_prefix_space=True)
    t.train_from_iterator(CORPUS, trainer)
    t.add_special_tokens([special("<mask>", lstrip=True)])
    t.post_processor = R.RobertaProcessing(("</s>", 2), ("<s>", 0))
    t.decoder = D.ByteLevel()
    return t


def sentence_bpe(size):
    """A BPE with the pieces of sentencepiece: bytes, then merges of words that begin with a lower block."""
    t = Tokenizer(M.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    trainer = T.BpeTrainer(vocab_size=size, special_tokens=["<unk>", "<s>", "</s>"] + BYTES, show_progress=False,
                           limit_alphabet=180)
    t.pre_tokenizer = P.Metaspace()
    t.train_from_iterator(CORPUS, trainer)
    f = json.loads(t.to_str())
    f["added_tokens"] = [a for a in f["added_tokens"] if a["id"] < 3]
    return Tokenizer.from_str(json.dumps(f))


def llama_end(t):
    t.post_processor = R.TemplateProcessing("<s> $A", "<s> $A <s>:1 $B:1", [("<s>", 1)])
    t.decoder = D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse(), D.Strip(" ", 1, 0)])
    return t


def llama2():
    t = sentence_bpe(1100)
    t.pre_tokenizer = None
    t.normalizer = N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")])
    return llama_end(t)


def mistral():
    t = sentence_bpe(1000)
    t.pre_tokenizer = P.Metaspace("▁", "first", split=False)
    t.add_tokens([AddedToken("yesterday", normalized=True), AddedToken("[MASK]", normalized=False, rstrip=True)])
    return llama_end(t)


def gemma():
    t = sentence_bpe(1000)
    t.normalizer = N.Replace(" ", "▁")
    t.pre_tokenizer = P.Split(" ", "merged_with_previous")
    t.add_special_tokens([special("<bos>"), special("<start_of_turn>")])
    t.add_tokens([AddedToken("▁" * n, normalized=False) for n in range(2, 9)])
    t.add_tokens([AddedToken("\n" * n, normalized=False) for n in range(2, 5)])
    bos = t.token_to_id("<bos>")
    t.post_processor = R.TemplateProcessing("<bos> $A", "<bos> $A <bos> $B", [("<bos>", bos)])
    t.decoder = D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse()])
    return t


def field(message, number):
    """The bytes of a field of a protocol buffer."""
    at = 0

    def varint():
        nonlocal at
        value, shift = 0, 0
        while True:
            b = message[at]
            at += 1
            value |= (b & 127) << shift
            shift += 7
            if b < 128:
                return value
    while at < len(message):
        key = varint()
        if key & 7 == 2:
            size = varint()
            if key >> 3 == number:
                return message[at:at + size]
            at += size
        elif key & 7 == 0:
            varint()
        else:
            at += 4 if key & 7 == 5 else 8
    raise KeyError(number)


def charsmap(rule):
    """The character map that sentencepiece puts into a model with a normalization rule."""
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(PROSE * 8), model_writer=out, vocab_size=300, normalization_rule_name=rule,
        hard_vocab_limit=False, minloglevel=2)
    # ModelProto.normalizer_spec, NormalizerSpec.precompiled_charsmap.
    return field(field(out.getvalue(), 3), 2)


def precompiled(rule):
    """A normalizer with a character map, of which golden.py keeps one copy for all tokenizers."""
    return {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap(rule)).decode()}


def unigram(size, normalizer, pre, decoder, specials, fallback=False):
    t = Tokenizer(M.Unigram())
    t.pre_tokenizer = pre
    t.train_from_iterator(PROSE * 8, T.UnigramTrainer(
        vocab_size=size, special_tokens=specials + (BYTES if fallback else []), unk_token="<unk>", show_progress=False))
    f = json.loads(t.to_str())
    f["normalizer"] = normalizer
    f["model"]["byte_fallback"] = fallback
    f["added_tokens"] = [a for a in f["added_tokens"] if a["content"] not in BYTES]
    t = Tokenizer.from_str(json.dumps(f))
    t.decoder = decoder
    return t


def t5():
    t = unigram(900, {"type": "Sequence", "normalizers": [
        precompiled("nmt_nfkc"), {"type": "Strip", "strip_left": False, "strip_right": True},
        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}]},
        P.Metaspace(), D.Metaspace(), ["<pad>", "</s>", "<unk>"])
    t.add_special_tokens([special(f"<extra_id_{i}>") for i in range(3)])
    t.post_processor = R.TemplateProcessing("$A </s>", "$A </s> $B </s>", [("</s>", 1)])
    return t


def albert():
    t = unigram(900, {"type": "Sequence", "normalizers": [
        {"type": "Replace", "pattern": {"String": "``"}, "content": "\""},
        {"type": "Replace", "pattern": {"String": "''"}, "content": "\""},
        {"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}, precompiled("nmt_nfkc")]},
        P.Sequence([P.WhitespaceSplit(), P.Metaspace()]), D.Metaspace(), ["<pad>", "<unk>", "[CLS]", "[SEP]"])
    t.add_special_tokens([special("[MASK]", lstrip=True)])
    t.post_processor = R.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return t


def unigram_bytes():
    return unigram(1100, None, P.Metaspace("▁", "never"), D.Sequence([D.ByteFallback(), D.Metaspace("▁", "never")]),
                   ["<unk>"], fallback=True)


def wordpiece(normalizer):
    t = Tokenizer(M.WordPiece(unk_token="[UNK]", max_input_chars_per_word=60))
    t.normalizer = normalizer
    t.pre_tokenizer = P.BertPreTokenizer()
    t.train_from_iterator(CORPUS, T.WordPieceTrainer(
        vocab_size=1200, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False,
        limit_alphabet=400))
    t.decoder = D.WordPiece()
    return t


def bert():
    t = wordpiece(N.BertNormalizer())
    t.post_processor = R.TemplateProcessing(
        "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", [("[CLS]", 2), ("[SEP]", 3)])
    return t


def bert_cased():
    t = wordpiece(N.BertNormalizer(lowercase=False, strip_accents=None, handle_chinese_chars=True, clean_text=True))
    t.add_tokens([AddedToken("tokenizer", single_word=True), AddedToken("Yesterday", single_word=True, rstrip=True)])
    t.post_processor = R.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return t


def clip():
    t = Tokenizer(M.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>", continuing_subword_prefix=""))
    t.normalizer = N.Sequence([N.NFC(), N.Replace(Regex(r"\s+"), " "), N.Lowercase()])
    t.pre_tokenizer = P.Sequence([P.Split(Regex(CLIP), "removed", invert=True), P.ByteLevel(False, use_regex=False)])
    alphabet = sorted(P.ByteLevel.alphabet())
    t.train_from_iterator(CORPUS, T.BpeTrainer(
        vocab_size=1000, special_tokens=["<|endoftext|>"], end_of_word_suffix="</w>", initial_alphabet=alphabet,
        show_progress=False))
    t.decoder = D.BPEDecoder("</w>")
    return t


def gpt1():
    t = Tokenizer(M.BPE(unk_token="<unk>", end_of_word_suffix="</w>", fuse_unk=False))
    t.normalizer = N.BertNormalizer(lowercase=True)
    t.pre_tokenizer = P.BertPreTokenizer()
    t.train_from_iterator(CORPUS, T.BpeTrainer(
        vocab_size=800, special_tokens=["<unk>"], end_of_word_suffix="</w>", limit_alphabet=100, show_progress=False))
    t.decoder = D.BPEDecoder("</w>")
    return t


def prefixed():
    t = Tokenizer(M.BPE(unk_token="[UNK]", continuing_subword_prefix="##", fuse_unk=True))
    t.normalizer = N.NFKC()
    t.pre_tokenizer = P.Whitespace()
    t.train_from_iterator(CORPUS, T.BpeTrainer(
        vocab_size=900, special_tokens=["[UNK]"], continuing_subword_prefix="##", limit_alphabet=120,
        show_progress=False))
    t.decoder = D.WordPiece(cleanup=False)
    return t


def wordlevel():
    t = Tokenizer(M.WordLevel(unk_token="<unk>"))
    t.normalizer = N.Sequence([N.NFD(), N.Lowercase(), N.StripAccents()])
    t.pre_tokenizer = P.Sequence([P.Whitespace(), P.Punctuation("contiguous"), P.UnicodeScripts()])
    t.train_from_iterator(CORPUS, T.WordLevelTrainer(vocab_size=900, special_tokens=["<unk>", "<pad>"],
                                                     show_progress=False))
    t.decoder = D.CTC("<pad>", "|", True)
    return t


FAMILIES = [gpt2, llama3, qwen2, o200k, deepseek, neox, starcoder, roberta, llama2, mistral, gemma, t5, albert,
            unigram_bytes, bert, bert_cased, clip, gpt1, prefixed, wordlevel]
