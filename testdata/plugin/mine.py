#!/usr/bin/env python3
"""A plug-in for onset: a toy that writes letters, each with a chance that depends on the two before it."""
import hashlib, json, math, random, sys
LETTERS = "abcdefgh \n"

def chances(text):
    weights = [1 + byte for byte in hashlib.sha256(text[-2:].encode()).digest()[:len(LETTERS)]]
    return {c: w / sum(weights) for c, w in zip(LETTERS, weights)}

def generate(prompt, draw, max_tokens=64, temperature=0, seed=0, stop=()):
    rng, text, why, n = random.Random(f"{seed} {draw} {prompt}"), "", "length", 0
    while n < max_tokens and why == "length":
        p, n = chances(prompt + text), n + 1
        text += rng.choices(list(p), [v ** (1 / temperature) for v in p.values()])[0] if temperature else max(p, key=p.get)
        if ends := [s for s in stop if s and text.endswith(s)]:
            text, why = text[:-len(max(ends, key=len))], "stop"
    return {"text": text, "stop": why, "usage": {"prompt_tokens": len(prompt), "completion_tokens": n}}

def score(prompt, text):
    ps = [chances(prompt + text[:i]) for i in range(len(text))]
    return {"sum": sum(math.log(p.get(c, 1e-6)) for p, c in zip(ps, text)), "tokens": len(text),
            "greedy": all(c == max(p, key=p.get) for p, c in zip(ps, text))}

def answer(m):
    if m["kind"] == "generate":
        return generate(m["prompt"], m.get("draw", 0), **m["sampling"])  # an option it does not know is an error
    return {"logprobs": [score(m["prompt"], t) for t in m["continuations"]] if "continuations" in m else [score("", m["prompt"])]}

for line in sys.stdin:
    m = json.loads(line)
    if m["type"] == "hello":
        out = {"type": "hello", "protocol": 1, "info": {"kinds": ["generate", "loglikelihood", "loglikelihood_rolling"]}}
    elif m["type"] == "request":
        try:
            out = {"type": "response", "id": m["id"], **answer(m)}
        except Exception as e:
            out = {"type": "error", "id": m["id"], "kind": "unsupported", "message": str(e)}
    else:
        continue  # cancel, which it may ignore; after shutdown the input ends
    print(json.dumps(out), flush=True)
