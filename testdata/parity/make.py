"""Makes the parity goldens: what transformers computes for tiny checkpoints (cases.py) with weights by a formula.

    python3 -m venv /tmp/parity && /tmp/parity/bin/pip install -r requirements.txt
    /tmp/parity/bin/python make.py [NAME ...]       # writes goldens/NAME.json
    python3 -m venv /tmp/parity4 && /tmp/parity4/bin/pip install -r requirements-4.txt
    /tmp/parity4/bin/python make.py --older [NAME ...]

The second run adds config.json in the older spelling, after it has seen that the older version computes the same. A golden
holds the two config.json, the names and shapes of the tensors, and for each prompt the hidden states before the head and
the logits at some positions, float32 little-endian in base64, in f32 eager arithmetic on the CPU.
"""

import base64
import inspect
import json
import pathlib
import sys
import tempfile

import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file

import cases
import weights

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
torch.set_num_threads(1)
HERE = pathlib.Path(__file__).parent
SHORT, LONG, GENERATE = 7, 75, 64
AT = (0, 9, 10, 15, 31, 32, 40, 63, 64, 74)  # of the long prompt


def pack(array):
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f4").tobytes()).decode()


def build(kind, options, flags, folder):
    """Saves an initialised model, fills its tensors by the formula, and loads it as a user would."""
    cls = getattr(transformers, kind)
    config_class = cls.config_class
    options = dict(options)
    if "nested" in flags:
        vision = dict(hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14)
        options = dict(text_config=options, vision_config=vision, mm_tokens_per_image=4, boi_token_index=90, eoi_token_index=91,
                       image_token_index=92, tie_word_embeddings=True)
    model = cls(config_class(**options))
    model.save_pretrained(folder)
    path = pathlib.Path(folder) / "model.safetensors"
    centred = kind.startswith("Gemma")
    filled = {}
    for name, t in load_file(path).items():
        filled[name] = torch.from_numpy(weights.tensor(name, tuple(t.shape), centred))
    save_file(filled, path, metadata={"format": "pt"})
    spelled = {"torch_dtype": torch.float32} if transformers.__version__.startswith("4.") else {"dtype": torch.float32}
    model = cls.from_pretrained(folder, attn_implementation="sdpa" if "sdpa" in flags else "eager", **spelled).eval()
    config = json.loads((pathlib.Path(folder) / "config.json").read_text())
    return model, config, {name: list(t.shape) for name, t in sorted(filled.items())}


def head_input(model, ids):
    """The hidden states that the head is given, and the logits."""
    captured = {}
    head = model.get_output_embeddings()
    if not any(part in type(model).__name__ for part in ("MaskedLM",)):
        hook = head.register_forward_pre_hook(lambda module, args: captured.update(h=args[0]))
        logits = model(torch.tensor([ids])).logits[0]
        hook.remove()
        return captured["h"][0], logits
    out = model(torch.tensor([ids]), output_hidden_states=True)
    return out.hidden_states[-1][0], out.logits[0]


def prompts(kind, vocab, flags):
    yield weights.prompt(1, SHORT, vocab), list(range(SHORT))
    if "long" in flags:
        yield weights.prompt(2, 300, vocab), [0, 64, 255, 256, 257, 290, 299]
        return
    long = weights.prompt(2, LONG, vocab)
    if "MaskedLM" in kind:
        for at in (0, 40, 74):
            long[at] = 4  # stands for the mask
        yield long, [0, 40, 64, 74]
    else:
        yield long, list(AT)


def generate(model, ids, n):
    """Greedy continuation, each step over the whole text, and the margins of the best token over the second."""
    ids, margins = list(ids), []
    for _ in range(n):
        top = model(torch.tensor([ids])).logits[0, -1].topk(2)
        margins.append(float(top.values[0] - top.values[1]))
        ids.append(int(top.indices[0]))
    return ids[-n:], margins


def compute(name):
    kind, options, *flags = cases.CASES[name]
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        model, config, tensors = build(kind, options, flags, folder)
        vocab = model.get_output_embeddings().weight.shape[0]
        golden = {"tensors": tensors, "centred": kind.startswith("Gemma"), "prompts": []}
        for ids, at in prompts(kind, vocab, flags):
            hidden, logits = head_input(model, ids)
            golden["prompts"].append({
                "ids": ids, "at": at, "hidden": pack(hidden[at].float().numpy()), "logits": pack(logits[at].float().numpy())})
        # Each step computes the whole text, so positions that depend on its length do so here too. Dynamic scaling past the
        # context is left out: a model of it ends there.
        if "MaskedLM" not in kind and "dynamic-long" not in name:
            tokens, margins = generate(model, golden["prompts"][0]["ids"], GENERATE)
            golden["generated"], golden["margins"] = tokens, [float(f"{m:.3g}") for m in margins]
        return config, golden


def differ(a, b):
    f = lambda x: np.frombuffer(base64.b64decode(x), "<f4")
    return max(np.abs(f(p["logits"]) - f(q["logits"])).max() for p, q in zip(a["prompts"], b["prompts"]))


def main(args):
    older = args[:1] == ["--older"]
    names = args[older:] or list(cases.CASES)
    version = transformers.__version__
    for name in names:
        path = HERE / "goldens" / f"{name}.json"
        try:
            config, golden = compute(name)
        except Exception as err:  # one version may not know a case
            print(f"{name}: {version} gives {type(err).__name__}: {err}", flush=True)
            continue
        if older:
            known = json.loads(path.read_text())
            if known["tensors"] != golden["tensors"]:
                print(f"{name}: other tensor names in {version}; left as it is")
                continue
            gap = differ(known, golden)
            if gap > 5e-5:
                print(f"{name}: {version} differs by {gap}; left as it is")
                continue
            known["configs"] = {k: v for k, v in known["configs"].items() if not k.startswith("4.")} | {version: config}
            golden = known
        else:
            golden = {"configs": {version: config}} | golden
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(golden, indent=0, separators=(",", ":")) + "\n")
        f = np.frombuffer(base64.b64decode(golden["prompts"][1]["logits"]), "<f4")
        print(f"{name}: logits of spread {f.std():.2f}, {path.stat().st_size >> 10} KiB", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
