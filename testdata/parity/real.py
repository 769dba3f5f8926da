"""Writes goldens beside real checkpoints, for TestRealCheckpoints of backends/local.

    python real.py DIR [PROMPTS.txt]        # with requirements.txt installed; DIR holds folders of checkpoints
    ONSET_PARITY_DIR=DIR go test -run TestRealCheckpoints ./backends/local

For each folder with a config.json it computes 64 prompts of at most 1,000 tokens in float32 (weights of other types are
widened) and writes parity.json, with the tokens and the log-probability of each, and parity.f32, with the logits behind
each prompt. Prompts are lines of a file, or tokens by a formula.
"""

import json
import pathlib
import sys

import numpy as np
import torch
import transformers

import weights

COUNT, MOST = 64, 1000


def prompts(tokenizer, vocab, most, lines):
    if lines:
        texts = [tokenizer(line)["input_ids"][:most] for line in lines[:COUNT]]
        return [ids for ids in texts if len(ids) > 1]
    lengths = [min(most, 2 + 16 * i) for i in range(COUNT)]
    return [[int(b % np.uint64(vocab)) for b in weights.splitmix(i, n)] for i, n in enumerate(lengths)]


def compute(folder, lines):
    config = transformers.AutoConfig.from_pretrained(folder)
    text = getattr(config, "text_config", None) or config
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    most = min(MOST, getattr(text, "max_position_embeddings", None) or getattr(text, "n_positions", None) or MOST)
    out, last = [], []
    with torch.no_grad():
        for ids in prompts(tokenizer, min(len(tokenizer), text.vocab_size), most, lines):
            logits = model(torch.tensor([ids])).logits[0]
            logs = torch.log_softmax(logits, -1)[:-1].gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
            out.append({"ids": ids, "logs": [round(float(v), 7) for v in logs]})
            last.append(logits[-1].numpy().astype("<f4"))
    (folder / "parity.json").write_text(json.dumps({"transformers": transformers.__version__, "prompts": out}))
    (folder / "parity.f32").write_bytes(b"".join(v.tobytes() for v in last))
    print(f"{folder}: {len(out)} prompts, {sum(len(p['ids']) for p in out)} tokens", flush=True)


def main(root, *rest):
    lines = [line for line in pathlib.Path(rest[0]).read_text().splitlines() if line.strip()] if rest else []
    for path in sorted(pathlib.Path(root).glob("*/config.json")):
        compute(path.parent, lines)


if __name__ == "__main__":
    main(*sys.argv[1:])
