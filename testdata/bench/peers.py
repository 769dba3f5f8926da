"""Measures onset, transformers on torch, and llama.cpp on the same checkpoints, in turns, and prints a table.

    python peers.py --onset bin/onset --models DIR --transformers PYTHON --llama PYTHON [--threads 1,2] [--rounds 5] NAME...

NAMEs are folders below DIR that backends/local/internal/randmodel/write wrote. PYTHON are the interpreters of environments
with torch and transformers, and with llama-cpp-python (compiled for the machine) and gguf; either may be left out. Each round
measures every engine once, one after the other, and the best round of each counts: what disturbs the machine for a while
disturbs all, and ratios can be trusted where speeds cannot. Nothing else should run.

Prefill is a prompt of 512 tokens (onset: one for each thread, which is how it is used), of which the logits of the last
alone are asked for. Decode is 32 tokens, greedily, behind 64. All engines compute in float32 on the checkpoint's weights; with
bfloat16 checkpoints transformers is loaded in float32 and llama.cpp reads bfloat16. With --cpu-time the clock is processor time.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

PROMPT, BEHIND, DECODE = 512, 64, 32
clock = time.process_time if os.environ.get("BENCH_CLOCK") == "cpu" else time.perf_counter


def serve_transformers(folder, threads):
    import torch
    import transformers

    torch.set_num_threads(threads)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = (torch.arange(PROMPT) * 7919 % model.config.vocab_size)[None]

    @torch.inference_mode()
    def prefill():
        start = clock()
        model(ids, use_cache=True, logits_to_keep=1)
        return PROMPT / (clock() - start)

    @torch.inference_mode()
    def decode():
        out = model(ids[:, :BEHIND], use_cache=True, logits_to_keep=1)
        token = out.logits[:, -1:].argmax(-1)
        start = clock()
        for _ in range(DECODE):
            out = model(token, past_key_values=out.past_key_values, use_cache=True)
            token = out.logits[:, -1:].argmax(-1)
        return DECODE / (clock() - start)

    serve(f"transformers {transformers.__version__}, torch {torch.__version__}", prefill, decode)


def serve_llama(file, threads):
    import llama_cpp
    import numpy as np

    model = llama_cpp.Llama(file, n_ctx=PROMPT + 64, n_batch=PROMPT, n_ubatch=PROMPT, n_threads=threads, n_threads_batch=threads,
                            verbose=False, logits_all=False)
    ids = [i * 7919 % model.n_vocab() for i in range(PROMPT)]

    def token():
        return int(np.argmax(np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(model.ctx, -1), shape=(model.n_vocab(),))))

    def prefill():
        model.reset()
        start = clock()
        model.eval(ids)
        token()
        return PROMPT / (clock() - start)

    def decode():
        model.reset()
        model.eval(ids[:BEHIND])
        start = clock()
        for _ in range(DECODE):
            model.eval([token()])
        token()
        return DECODE / (clock() - start)

    serve(f"llama-cpp-python {llama_cpp.__version__}", prefill, decode)


def serve(name, prefill, decode):
    """Answers a line "go" with a line of speeds, until there are no more."""
    prefill(), decode()  # warm up
    print(json.dumps({"name": name}), flush=True)
    for _ in sys.stdin:
        print(json.dumps({"prefill": prefill(), "decode": decode()}), flush=True)


class Served:
    """An engine in a process of its own that waits while others are measured."""

    def __init__(self, python, kind, path, threads):
        env = dict(os.environ, OMP_NUM_THREADS=str(threads))
        self.process = subprocess.Popen([python, __file__, "--serve", kind, str(path), str(threads)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=env)
        self.name = json.loads(self.process.stdout.readline())["name"]

    def measure(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Onset:
    def __init__(self, binary, folder, threads):
        self.command = [binary, "model", "bench", str(folder), "--json", "--threads", str(threads), "--repeat", "1",
                        "--prompt", str(PROMPT), "--decode", str(DECODE), "--texts", "1"]
        if os.environ.get("BENCH_CLOCK") == "cpu":
            self.command.append("--cpu-time")
        self.name, self.peaks = "onset", []

    def measure(self):
        got = json.loads(subprocess.run(self.command, check=True, capture_output=True, text=True).stdout)[0]
        self.peaks.append(got)
        return {"prefill": got["prefill_tokens_s"], "decode": got["decode_tokens_s"]}

    def close(self):
        pass


def gguf_of(python, folder):
    file = folder / "model.gguf"
    if not file.exists():
        part = folder / "model.gguf.part"
        subprocess.run([python, pathlib.Path(__file__).with_name("gguf_file.py"), folder, part], check=True)
        part.rename(file)
    return file


def measure(o, name, threads):
    folder = pathlib.Path(o.models) / name
    engines = [Onset(o.onset, folder, threads)]
    if o.transformers:
        engines.append(Served(o.transformers, "transformers", folder, threads))
    if o.llama:
        engines.append(Served(o.llama, "llama", gguf_of(o.llama, folder), threads))
    rounds = []  # of each, what every engine did
    for _ in range(o.rounds):
        rounds.append([engine.measure() for engine in engines])
    for engine in engines:
        engine.close()
    peaks = engines[0].peaks
    flops = max(p.get("peak_flops", 0) for p in peaks)
    share = max(p["prefill_flops"] for p in peaks) / flops if flops else 0
    bandwidth = statistics.median(p.get("decode_share", 0) for p in peaks)
    for i, engine in enumerate(engines):
        row = [name, str(threads), engine.name]
        for what, digits in ("prefill", 0), ("decode", 1):
            # The memory of a shared machine has faster and slower minutes, so that ratios are taken within a round.
            ratio = statistics.median(r[0][what] / r[i][what] for r in rounds)
            row += [f"{max(r[i][what] for r in rounds):.{digits}f}", f"{ratio:.2f}"]
        row += [f"{100 * share:.0f} %", f"{100 * bandwidth:.0f} %"] if i == 0 else ["", ""]
        print("| " + " | ".join(row) + " |", flush=True)


def main():
    if sys.argv[1:2] == ["--serve"]:
        kind, path, threads = sys.argv[2:]
        return {"transformers": serve_transformers, "llama": serve_llama}[kind](path, int(threads))
    p = argparse.ArgumentParser()
    p.add_argument("--onset", required=True)
    p.add_argument("--models", required=True)
    p.add_argument("--transformers")
    p.add_argument("--llama")
    p.add_argument("--threads", default="1,%d" % os.cpu_count())
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--cpu-time", action="store_true", help="take processor time for the clock: one thread, on a busy machine")
    p.add_argument("names", nargs="+")
    o = p.parse_args()
    if o.cpu_time:
        os.environ["BENCH_CLOCK"], o.threads = "cpu", "1"
    print("| model | threads | engine | prefill tok/s | onset's ratio | decode tok/s | onset's ratio | of multiply-add peak | of memory bandwidth |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in o.names:
        for threads in dict.fromkeys(int(t) for t in o.threads.split(",")):
            measure(o, name, threads)


if __name__ == "__main__":
    main()
