"""Writes tokens.json: how lm-evaluation-harness's model of the kind "hf" turns requests into tokens, for tokenizers with the
special tokens of several families.

Run with lm_eval 0.4.13, transformers 5.24.0 and accelerate installed: python tokens.py > tokens.json
"""

import json
import tempfile

import transformers
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

TEXT = ["The old dog sees the cat and the cat sees the dog.", "Question: what is 12+34? Answer: 46", "aab abb bab hello world wor ld"] * 3
# name: (special tokens, bos, eos, template, the config's bos_token_id)
FAMILIES = {
    "gpt2": (["<|endoftext|>"], "<|endoftext|>", "<|endoftext|>", None, 0),
    "llama": (["<s>", "</s>"], "<s>", "</s>", "<s> $A", 0),
    "opt": (["<pad>", "</s>"], "</s>", "</s>", "</s> $A", 1),
    "qwen": (["<|endoftext|>", "<|im_end|>"], None, "<|im_end|>", None, 0),
    "both-ends": (["<s>", "</s>"], "<s>", "</s>", "<s> $A </s>", 0),
}
PAIRS = [
    ("The old dog", " sees"), ("The old dog ", "sees"), ("The old dog sees \n", "the cat"), ("", "The cat"), ("", " 46"),
    ("hello wor", "ld"), ("aa", "b"), ("a", "ab"), ("Question: what is 12+34?\nAnswer:", " 46"), ("BOSThe old dog", " sees"), ("", "BOSThe cat"),
]


def build(special, template):
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tok.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=310, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tok.train_from_iterator(TEXT, trainer)
    if template:
        tok.post_processor = processors.TemplateProcessing(single=template, special_tokens=[(s, tok.token_to_id(s)) for s in special])
    return tok


def main():
    out = []
    for name, (special, bos, eos, template, config_bos) in FAMILIES.items():
        with tempfile.TemporaryDirectory() as folder:
            build(special, template).save(folder + "/tokenizer.json")
            config = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": bos, "eos_token": eos}
            open(folder + "/tokenizer_config.json", "w").write(json.dumps(config))
            lm = HFLM.__new__(HFLM)
            lm.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
            lm.tokenizer.pad_token = lm.tokenizer.pad_token or eos
            lm.add_bos_token, lm.custom_prefix_token_id, lm.backend, lm.enable_thinking = None, None, "causal", None
            asked = []
            lm._loglikelihood_tokens = lambda requests, **kwargs: asked.extend(requests) or []
            first = lm.tokenizer.decode([lm.prefix_token_id])
            pairs = [(c.replace("BOS", first), t.replace("BOS", first)) for c, t in PAIRS]
            lm.loglikelihood([Instance("loglikelihood", {}, p, 0) for p in pairs], disable_tqdm=True)
            prompts = ["The old dog", first + "The old dog"]
            out.append({
                "name": name, "tokenizer": json.load(open(folder + "/tokenizer.json")), "config": config, "bos": config_bos, "first": lm.prefix_token_id,
                "scores": [{"context": c, "continuation": t, "context_ids": a, "continuation_ids": b} for (c, t), a, b in asked],
                "prompts": [{"prompt": p, "ids": lm.tok_batch_encode([p])[0][0].tolist()} for p in prompts],
            })
    print(json.dumps(out, separators=(",", ":"), ensure_ascii=True))


main()
