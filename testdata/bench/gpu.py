"""Measures onset on a GPU, transformers on torch and lm-evaluation-harness on the same checkpoints and texts, and prints tables.

    python gpu.py speed --worker bin/onset-cuda --models DIR --out DIR [--device cuda:0] NAME...
    python gpu.py kernels FILE...

speed: NAMEs are folders below --models that backends/local/internal/randmodel/write wrote, as are fiveshot.jsonl and apart.jsonl.
Each engine has the device for itself, in a process of its own, one after the other; loading is not timed, and tokenizing is (of
transformers, where it stands before all else, its part is stated):

  onset         the worker, by the plug-in protocol, everything in hand at once: with cuBLASLt where it is found, and again with
                ONSET_CUBLASLT=off, with the own kernels alone
  transformers  tuned: bfloat16, SDPA without a mask (texts are padded behind their ends), sorted by length, requests with the
                same input computed once, the head at scored positions alone, and of batches of 1, 2, 4, ... texts, as long as
                they fit, the fastest
  lm_eval       its hf model as it is by default, with batches of 1, on the first --lm-questions of each task

Unique tokens are the nodes of the trie of all inputs of a task: what has to be computed at least. Nominal tokens are all tokens of
all inputs, each request's own. Both are of the task, so that engines' rates are as their times. "apart" is texts with nothing in
common, in two halves that are timed one by one: the fastest counts, and the other says how much to make of differences.
Log-likelihoods are compared with those of transformers in float32 on the first --reference requests of each task.

kernels: FILEs are what the benchmarks Kernel and Tile of backends/local/gpu printed; they come out as tables. With
ONSET_BENCH_PEAK=798e12,3e12 the benchmarks state what each kernel takes at least where a card has that product and that copy.

With --device cpu transformers and lm_eval run on the CPU, to see that all works, and the worker on whatever driver it finds.
"""

import argparse
import collections
import json
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time

# ---------------------------------------------------------------------------------------------------------------------------
# What is asked


def read_tasks(folder):
    """Questions by task; those that are apart in halves."""
    tasks = collections.OrderedDict()
    for name in "apart.jsonl", "fiveshot.jsonl":
        path = pathlib.Path(folder) / name
        if not path.exists():
            continue
        with open(path) as f:
            for i, line in enumerate(f):
                q = json.loads(line)
                task = f"apart {i % 2 + 1}" if q["task"] == "apart" else q["task"]
                tasks.setdefault(task, []).append(q)
    if not tasks:
        sys.exit(f"gpu.py: neither fiveshot.jsonl nor apart.jsonl is in {folder}")
    return tasks


def warm_up(tasks):
    """Questions that no task has, of the same lengths, so that nothing of a task is in a cache."""
    some = [q for questions in tasks.values() for q in questions[:4]]
    return [{"prompt": "Now " + q["prompt"][::-1], "choices": q["choices"]} for q in some]


def encode(tokenizer, questions):
    """Of each choice its question's and its own number, the tokens of prompt and choice together, and how many are the prompt's,
    as lm_eval parts them."""
    texts, prompts, where = [], [], []
    for i, q in enumerate(questions):
        prompt = q["prompt"].rstrip()
        for k, choice in enumerate(q["choices"]):
            texts.append(q["prompt"] + choice)
            where.append((i, k, len(prompts)))
        prompts.append(prompt)
    ids = tokenizer(texts + prompts, add_special_tokens=False)["input_ids"]
    whole, before = ids[: len(texts)], ids[len(texts) :]
    return [(i, k, tokens, len(before[at])) for (i, k, at), tokens in zip(where, whole)]


def count(tokenizer, questions):
    """Unique and nominal tokens of a task's inputs."""
    inputs = sorted(ids[:-1] for _, _, ids, _ in encode(tokenizer, questions))
    unique, before = 0, []
    for ids in inputs:
        shared = 0
        for a, b in zip(ids, before):
            if a != b:
                break
            shared += 1
        unique, before = unique + len(ids) - shared, ids
    return {"unique": unique, "nominal": sum(map(len, inputs)), "requests": len(inputs), "longest": max(map(len, inputs))}


# ---------------------------------------------------------------------------------------------------------------------------
# onset


class Worker:
    """onset-cuda with a model, over its standard input and output."""

    def __init__(self, program, folder, ordinal, cublaslt, args):
        env = dict(os.environ)
        if not cublaslt:
            env["ONSET_CUBLASLT"] = "off"
        begin = time.perf_counter()
        self.process = subprocess.Popen([program, "serve", "--device", str(ordinal), "--model", str(folder)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=env)
        self.say({"type": "hello", "protocol": 1, "args": args})
        hello = self.hear()
        if hello["type"] != "hello":
            sys.exit(f"gpu.py: {program} does not open {folder}: {hello}")
        self.info, self.load = hello["info"], time.perf_counter() - begin

    def say(self, line):
        self.process.stdin.write(json.dumps(line) + "\n")

    def hear(self):
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"gpu.py: the worker ended with {self.process.wait()}")
        return json.loads(line)

    def score(self, questions):
        """Log-likelihoods of the choices, all requests in hand at once."""
        sums = [None] * len(questions)

        def ask():
            for i, q in enumerate(questions):
                self.say({"type": "request", "id": i + 1, "kind": "loglikelihood", "prompt": q["prompt"], "continuations": q["choices"], "sampling": {}})
            self.process.stdin.flush()

        asking = threading.Thread(target=ask)
        asking.start()
        left = len(questions)
        while left:
            line = self.process.stdout.readline()
            if not line:
                sys.exit(f"gpu.py: the worker ended with {self.process.wait()}")
            got = json.loads(line)
            if got["type"] == "heartbeat":
                continue
            if got["type"] != "response":
                sys.exit(f"gpu.py: the worker answers {got}")
            sums[got["id"] - 1] = [p["sum"] for p in got["logprobs"]]
            left -= 1
        asking.join()
        return sums

    def close(self):
        self.say({"type": "shutdown"})
        self.process.stdin.close()
        self.process.wait()


def measure_onset(o, folder, tasks, cublaslt):
    args = {"compute": o.compute} if o.compute else {}
    worker = Worker(o.worker, folder, ordinal(o.device), cublaslt, args)
    worker.score(warm_up(tasks))
    out = {"name": "onset, " + worker.info["details"].get("products", "?").split(";")[0], "info": worker.info, "load": worker.load, "tasks": {}}
    for task, questions in tasks.items():
        begin = time.perf_counter()
        sums = worker.score(questions)
        out["tasks"][task] = {"seconds": time.perf_counter() - begin, "questions": len(questions), "sums": sums}
    worker.close()
    return out


def ordinal(device):
    return int(device.split(":")[1]) if ":" in device else 0


# ---------------------------------------------------------------------------------------------------------------------------
# transformers


class Transformers:
    def __init__(self, folder, device, dtype):
        import torch
        import transformers

        self.torch = torch
        begin = time.perf_counter()
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="sdpa").to(device).eval()
        self.device, self.batch, self.largest, self.load = device, 1, 1, time.perf_counter() - begin
        self.name = f"transformers {transformers.__version__}, torch {torch.__version__}"

    def forward(self, rows):
        """Log-likelihoods of rows of (input, [(first position, targets)]), one batch."""
        torch = self.torch
        longest = max(len(ids) for ids, _ in rows)
        ids = torch.zeros((len(rows), longest), dtype=torch.long)
        for i, (tokens, _) in enumerate(rows):
            ids[i, : len(tokens)] = torch.tensor(tokens)
        row, position, target = [], [], []
        for i, (_, wanted) in enumerate(rows):
            for first, targets in wanted:
                row += [i] * len(targets)
                position += range(first, first + len(targets))
                target += targets
        with torch.inference_mode():
            hidden = self.model.base_model(input_ids=ids.to(self.device), use_cache=False).last_hidden_state
            hidden = hidden[torch.tensor(row, device=self.device), torch.tensor(position, device=self.device)]
            head, found = self.model.get_output_embeddings(), []
            for at in range(0, len(target), 2048):
                logits = head(hidden[at : at + 2048]).float().log_softmax(-1)
                found.append(logits.gather(-1, torch.tensor(target[at : at + 2048], device=self.device)[:, None])[:, 0])
            logs = torch.cat(found).tolist()
        sums, at = [], 0
        for _, wanted in rows:
            of = []
            for _, targets in wanted:
                of.append(math.fsum(logs[at : at + len(targets)]))
                at += len(targets)
            sums.append(of)
        return sums

    def score(self, questions):
        rows, where, begin = {}, [], time.perf_counter()
        for i, k, ids, context in encode(self.tokenizer, questions):
            wanted = rows.setdefault(tuple(ids[:-1]), [])
            where.append((i, k, tuple(ids[:-1]), len(wanted)))
            wanted.append((context - 1, ids[context:]))
        self.tokenizing = time.perf_counter() - begin
        ordered = sorted(rows.items(), key=lambda row: -len(row[0]))
        found = {}
        for at in range(0, len(ordered), self.batch):
            some = ordered[at : at + self.batch]
            for (ids, _), sums in zip(some, self.forward(some)):
                found[ids] = sums
        sums = [[None] * len(q["choices"]) for q in questions]
        for i, k, ids, n in where:
            sums[i][k] = found[ids][n]
        return sums

    def find_batch(self, questions, most, length):
        """Takes the fastest of the batches that fit, with texts of the greatest length."""
        torch, best = self.torch, 0.0
        text = " ".join(q["prompt"] for q in questions)
        ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        ids = (ids * (length // len(ids) + 2))[: length + 1]
        size, rates = 1, {}
        while size <= most:
            rows = [(ids[:length], [(length - 1, [ids[length]])])] * size
            try:
                self.forward(rows)
                begin = time.perf_counter()
                self.forward(rows)
            except torch.OutOfMemoryError:
                torch.cuda.empty_cache()
                break
            rates[size] = size * length / (time.perf_counter() - begin)
            self.largest = size
            if rates[size] > best:
                best, self.batch = rates[size], size
            size *= 2
        return rates


def serve_transformers(o):
    """In a process of its own: measures, and writes what it found."""
    import torch

    tasks = read_tasks(o.models)
    engine = Transformers(o.folder, o.device, getattr(torch, o.dtype))
    if o.reference:
        out = {"name": f"{engine.name}, {o.dtype}", "tasks": {}}
        for task, questions in tasks.items():
            out["tasks"][task] = {"sums": engine.score(questions[: o.reference])}
    else:
        flat = [q for questions in tasks.values() for q in questions[:1]]
        rates = engine.find_batch(flat, o.most_batch, o.longest)
        engine.score(warm_up(tasks))
        out = {"name": engine.name, "load": engine.load, "batch": engine.batch, "largest": engine.largest, "rates": rates, "tasks": {}}
        for task, questions in tasks.items():
            begin = time.perf_counter()
            sums = engine.score(questions)
            took = time.perf_counter() - begin
            out["tasks"][task] = {"seconds": took, "tokenizing": engine.tokenizing, "questions": len(questions), "sums": sums}
    if o.device.startswith("cuda"):
        out["memory"] = torch.cuda.max_memory_allocated()
    pathlib.Path(o.write).write_text(json.dumps(out))


def serve_lm_eval(o):
    import lm_eval
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    options = {} if o.device.startswith("cuda") else {"dtype": o.dtype}
    model = HFLM(pretrained=o.folder, tokenizer=o.folder, device=o.device, **options)
    out = {"name": f"lm_eval {lm_eval.__version__}, batches of {model.batch_size}", "tasks": {}}

    def score(questions):
        requests = [Instance(request_type="loglikelihood", doc={}, arguments=(q["prompt"], c), idx=i)
                    for i, q in enumerate(questions) for c in q["choices"]]
        results = iter(model.loglikelihood(requests, disable_tqdm=True))
        return [[next(results)[0] for _ in q["choices"]] for q in questions]

    tasks = read_tasks(o.models)
    score(warm_up(tasks)[:1])
    for task, questions in tasks.items():
        questions = questions[: o.lm_questions]
        begin = time.perf_counter()
        sums = score(questions)
        out["tasks"][task] = {"seconds": time.perf_counter() - begin, "questions": len(questions), "sums": sums}
    pathlib.Path(o.write).write_text(json.dumps(out))


def in_process(o, kind, folder, **options):
    """Runs an engine of Python in a process of its own; what it found, or why there is nothing."""
    path = pathlib.Path(o.out) / "engine.json"
    path.unlink(missing_ok=True)
    command = [sys.executable, __file__, "serve", kind, "--models", str(o.models), "--folder", str(folder), "--write", str(path),
               "--device", o.device, "--dtype", options.pop("dtype", o.dtype)]
    for name, value in options.items():
        command += ["--" + name.replace("_", "-"), str(value)]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=o.limit)
    except subprocess.TimeoutExpired:
        return {"failed": f"it took longer than {o.limit} s"}
    if result.returncode != 0 or not path.exists():
        return {"failed": (result.stderr.strip().splitlines() or [f"exit {result.returncode}"])[-1]}
    found = json.loads(path.read_text())
    path.unlink()
    return found


# ---------------------------------------------------------------------------------------------------------------------------
# Tables


def speed(o):
    os.makedirs(o.out, exist_ok=True)
    tasks, results = read_tasks(o.models), {}
    for name in o.names:
        folder = pathlib.Path(o.models) / name
        results[name] = r = {"engines": {}}
        r["counts"] = {task: count(load_tokenizer(folder), questions) for task, questions in tasks.items()}
        for key, run in engines(o, folder, tasks, r["counts"]):
            say(f"{name}: {key}")
            try:
                r["engines"][key] = run()
            except SystemExit as e:
                r["engines"][key] = {"failed": str(e)}
            if "failed" in r["engines"][key]:
                say(f"  {r['engines'][key]['failed']}")
            pathlib.Path(o.out, "speed.json").write_text(json.dumps(results))  # what there is, where the rest is cut off
            pathlib.Path(o.out, "speed.md").write_text(report(o, results))
    print(report(o, results))


def load_tokenizer(folder):
    """The tokenizer alone: of transformers, or of the package tokenizers."""
    import transformers

    return transformers.AutoTokenizer.from_pretrained(folder)


def say(text):
    print(text, file=sys.stderr, flush=True)


def engines(o, folder, tasks, counts):
    longest = max(c["longest"] for c in counts.values())
    if o.worker:
        yield "onset", lambda: measure_onset(o, folder, tasks, True)
        yield "onset, own kernels", lambda: measure_onset(o, folder, tasks, False)
    yield "transformers", lambda: in_process(o, "transformers", folder, most_batch=o.most_batch, longest=longest)
    if o.reference:
        yield "float32", lambda: in_process(o, "transformers", folder, reference=o.reference, dtype="float32")
    if o.lm_questions:
        yield "lm_eval", lambda: in_process(o, "lm_eval", folder, lm_questions=o.lm_questions)


def seconds_of(engine, task, questions):
    """The time for a task; for fewer questions it is taken to grow with their number. None where it was not measured."""
    found = engine.get("tasks", {}).get(task)
    if not found or "seconds" not in found:
        return None
    return found["seconds"] * questions / found["questions"]


def report(o, results):
    lines = [machine(o), ""]
    for name, r in results.items():
        of = r["engines"]
        lines += [f"**{name}**", ""]
        for key, e in of.items():
            if "failed" in e:
                lines.append(f"- {key}: not measured, {e['failed']}")
            elif key == "transformers":
                lines.append(f"- transformers: {e['name']}; the fastest batch of {e['batch']} texts, the largest that fits and was tried {e['largest']}")
            elif "info" in e:
                lines.append(f"- {key}: {e['info']['details'].get('products')}, {e['info']['details'].get('compute')}; loaded in {e['load']:.1f} s")
            else:
                lines.append(f"- {key}: {e['name']}")
        lines += [""] + speeds(r) + [""] + agreement(r) + [""] + aims(name, r) + [""]
    return "\n".join(lines)


def speeds(r):
    of = r["engines"]
    base = of.get("transformers", {})
    lines = ["| task | questions | engine | seconds | questions/s | unique tokens/s | nominal tokens/s | to transformers | to lm_eval |", "|---|---|---|---|---|---|---|---|---|"]
    for task, c in r["counts"].items():
        questions = max((e["tasks"][task]["questions"] for e in of.values() if e.get("tasks", {}).get(task, {}).get("seconds")), default=0)
        for key, e in of.items():
            took = seconds_of(e, task, questions)
            if took is None:
                continue
            ratios = []
            for other in base, of.get("lm_eval", {}):
                theirs = seconds_of(other, task, questions)
                ratios.append(f"{theirs / took:.2f}" if theirs and other is not e else "")
            part = "" if e["tasks"][task]["questions"] == questions else f" (of {e['tasks'][task]['questions']})"
            before = e["tasks"][task].get("tokenizing")
            spent = f"{took:.3f}" + (f" ({before:.3f} of it tokenizing)" if before else "")
            lines.append("| " + " | ".join([task, str(questions), key + part, spent, f"{questions / took:.1f}", f"{c['unique'] / took:.0f}",
                                            f"{c['nominal'] / took:.0f}"] + ratios) + " |")
    return lines


def aims(name, r):
    """What came of the aims: onset's speed as a multiple of tuned transformers', the faster half of the texts apart counted."""
    of, lines = r["engines"], []
    base = of.get("transformers", {})
    apart = [task for task in r["counts"] if task.startswith("apart")]
    suites = [task for task in r["counts"] if not task.startswith("apart")]

    def ratios(key, tasks):
        times = [(seconds_of(base, t, 1), seconds_of(of.get(key, {}), t, 1)) for t in tasks]
        return [theirs / ours for theirs, ours in times if theirs and ours]

    for key, least in ("onset", {"pythia-1.4b-bf16": 1.6, "llama-2-7b-bf16": 1.3}.get(name)), ("onset, own kernels", 0.8):
        if ratios(key, apart):
            best = [max(r["counts"][t]["unique"] / seconds_of(e, t, e["tasks"][t]["questions"]) for t in apart) for e in (of[key], base)]
            lines.append(f"- {key}: {best[0] / best[1]:.2f} times transformers in unique tokens a second" + (f", aim {least}" if least else ""))
        if ratios(key, suites):
            lines.append(f"- {key}: {min(ratios(key, suites)):.2f} to {max(ratios(key, suites)):.2f} times transformers by the clock on five-shot suites, aim 3")
    return lines


def agreement(r):
    """How far log-likelihoods are apart: of each engine from float32 where that was computed, and from transformers."""
    of, lines = r["engines"], ["| log-likelihoods, nats | against | continuations | mean difference | largest |", "|---|---|---|---|---|"]
    for other in "float32", "transformers":
        for key, e in of.items():
            if key == other or key == "float32" or "failed" in e or "failed" in of.get(other, {"failed": ""}):
                continue
            gaps = []
            for task, found in e["tasks"].items():
                for a, b in zip(found["sums"], of[other]["tasks"][task]["sums"]):  # as many as both have
                    gaps += [abs(x - y) for x, y in zip(a, b, strict=True)]
            if gaps:
                lines.append(f"| {key} | {other} | {len(gaps)} | {sum(gaps) / len(gaps):.2g} | {max(gaps):.2g} |")
    return lines


def machine(o):
    """The card, its driver and its other versions, on one line."""
    parts = []
    if o.worker:
        out = subprocess.run([o.worker, "probe"], capture_output=True, text=True)
        if out.returncode == 0:
            for d in json.loads(out.stdout).get("devices") or []:
                if d["ordinal"] == ordinal(o.device):
                    parts += [d["name"], "compute capability " + d["capability"], "CUDA " + d["driver"]] + (["emulated on the CPU"] if d.get("emulated") else [])
        parts.append(subprocess.run([o.worker, "version"], capture_output=True, text=True).stdout.strip())
    if shutil.which("nvidia-smi"):
        out = subprocess.run(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"], capture_output=True, text=True)
        parts.append("driver " + out.stdout.strip().split("\n")[0])
    return "Measured on: " + ", ".join(parts) + "."


def kernels(o):
    """Tables of what the benchmarks printed."""
    line = re.compile(r"^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)$")
    groups = collections.OrderedDict()
    for name in o.files:
        for text in open(name):
            m = line.match(text)
            if not m:
                continue
            fields = m.group(2).split()
            values = dict(zip(fields[1::2], map(float, fields[::2])))
            path = m.group(1).split("/")
            if path[1] == "peak":
                print(f"{path[0]}: products {values['TFLOP/s']:.3g} TFLOP/s (own kernels {values['own-TFLOP/s']:.3g}), copies {values['GB/s']:.4g} GB/s\n")
            else:
                groups.setdefault("/".join(path[:3]), []).append(("/".join(path[3:]), values))
    if not groups:
        sys.exit("gpu.py: there is no benchmark in " + " ".join(o.files))
    for name, rows in groups.items():
        if "us-floor" in rows[0][1]:
            print(f"**{name}**\n\n| kernel | GFLOP | MB | us of products | us of memory | us at least |\n|---|---|---|---|---|---|")
            for kernel, v in rows:
                print("| " + " | ".join([kernel.split("/")[0]] + [f"{v[unit]:.4g}" for unit in ("GFLOP", "MB", "us-arithmetic", "us-memory", "us-floor")]) + " |")
            print()
            continue
        print(f"**{name}**\n\n| kernel | us | GB/s | of copies | TFLOP/s | of products | of the floor |\n|---|---|---|---|---|---|---|")
        for kernel, v in rows:
            flops = [f"{v['TFLOP/s']:.3g}", f"{v['%product']:.0f} %"] if "TFLOP/s" in v else ["", ""]
            print("| " + " | ".join([kernel, f"{v['us/launch']:.4g}", f"{v['GB/s']:.4g}", f"{v['%copy']:.0f} %"] + flops + [f"{v['%floor']:.0f} %"]) + " |")
        print()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = p.add_subparsers(dest="what", required=True)
    s = sub.add_parser("speed")
    s.add_argument("--worker", help="onset-cuda; onset is not measured without")
    s.add_argument("--models", required=True)
    s.add_argument("--out", required=True)
    s.add_argument("--device", default="cuda:0")
    s.add_argument("--dtype", default="bfloat16")
    s.add_argument("--compute", default="", help="type that onset computes in; the checkpoint's own if left out")
    s.add_argument("--most-batch", type=int, default=128)
    s.add_argument("--reference", type=int, default=8)
    s.add_argument("--lm-questions", type=int, default=8)
    s.add_argument("--limit", type=int, default=240, help="seconds for an engine of Python, loading included")
    s.add_argument("names", nargs="+")
    k = sub.add_parser("kernels")
    k.add_argument("files", nargs="+")
    e = sub.add_parser("serve")
    e.add_argument("kind", choices=["transformers", "lm_eval"])
    for name in "models", "folder", "write", "device", "dtype":
        e.add_argument("--" + name, required=True)
    for name in "most-batch", "longest", "reference", "lm-questions":
        e.add_argument("--" + name, type=int, default=0)
    o = p.parse_args()
    if o.what == "serve":
        return {"transformers": serve_transformers, "lm_eval": serve_lm_eval}[o.kind](o)
    return {"speed": speed, "kernels": kernels}[o.what](o)


if __name__ == "__main__":
    main()
