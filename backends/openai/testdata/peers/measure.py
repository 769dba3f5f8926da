"""Measures clients on the same questions and the same fault server: onset, lm_eval's local-completions and
local-chat-completions, and inspect_ai, each with 64 calls in flight, on the processor that it is pinned to.

usage: python measure.py --serve SERVE --onset ONSET --venv VENV [--sizes 200,2000] [--cpu 0]

SERVE and ONSET are binaries (go build ./backends/faultserver/serve, go build ./cmd/onset); VENV has lm_eval[api] and inspect_ai.
Start-up is taken out: a client is run with two numbers of questions, and its cost a request is the difference of the two,
in processor time (which another program on the machine does not change much) and by the clock (which it does).
"""

import argparse
import json
import os
import pathlib
import resource
import shutil
import subprocess
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).parent
CONNECTIONS = 64

TASK = """task: peer
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{answer}}}}"
generation_kwargs: {{until: ["\\n\\n"], max_gen_toks: 32, do_sample: false, temperature: 0}}
metric_list:
  - metric: exact_match
"""


def questions(path, n):
    shot = "Question: a train leaves at noon and goes 60 miles an hour for 3 hours, then slowly on.\nAnswer: it arrives.\n"
    with open(path, "w") as f:
        for i in range(n):
            f.write(json.dumps({"question": f"{shot * 20}what follows {i}", "answer": str(i + 1)}) + "\n")


def clients(args, url, work):
    env = os.environ | {
        "OPENAI_API_KEY": "sk-none-needed", "FAULT_API_KEY": "sk-none-needed", "FAULT_BASE_URL": f"{url}/v1",
        "PEER_QUESTIONS": f"{work}/questions.jsonl", "HF_DATASETS_CACHE": f"{work}/cache",
        "HF_HUB_OFFLINE": "1", "INSPECT_LOG_DIR": f"{work}/logs", "XDG_CACHE_HOME": f"{work}/cache", "TOKENIZERS_PARALLELISM": "false",
    }
    bin_ = pathlib.Path(args.venv) / "bin"
    lm = [str(bin_ / "lm_eval"), "run"] if args.lm_eval_run else [str(bin_ / "lm_eval")]
    common = ["--tasks", "peer", "--include_path", f"{work}/tasks", "--output_path", f"{work}/out", "--log_samples"]
    model = f"model=m,num_concurrent={CONNECTIONS},tokenizer_backend=None,tokenized_requests=False"
    return {
        "onset chat": ([args.onset, "run", "-m", "openai/m", "--base-url", f"{url}/v1", "-t", "peer", "--include-path", f"{work}/tasks",
                        "-j", str(CONNECTIONS), "-o", f"{work}/run", "-q", "--cache", "off"], env),
        "onset completions": ([args.onset, "run", "-m", "openai/m", "--base-url", f"{url}/v1", "-t", "peer", "--include-path", f"{work}/tasks",
                               "-j", str(CONNECTIONS), "-o", f"{work}/run", "-q", "--cache", "off",
                               "--model-args", "api=completions,server=other,self_test=off"], env),
        "lm_eval local-completions": (lm + ["--model", "local-completions", "--model_args", f"base_url={url}/v1/completions,{model}"] + common, env),
        "lm_eval local-chat-completions": (lm + ["--model", "local-chat-completions", "--apply_chat_template",
                                                 "--model_args", f"base_url={url}/v1/chat/completions,{model}"] + common, env),
        "inspect_ai": ([str(bin_ / "inspect"), "eval", "inspect_task.py", "--model", "openai-api/fault/m",
                        "--max-connections", str(CONNECTIONS), "--max-samples", str(CONNECTIONS), "--display", "none", "--no-log-realtime"], env),
    }


def run(command, env, cpu):
    """Gives the clock and processor seconds of a command."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(["taskset", "-c", cpu] + command if shutil.which("taskset") else command, env=env, cwd=HERE, capture_output=True, text=True)
    clock, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def counts(url):
    return json.load(urllib.request.urlopen(f"{url}/counts"))


def main():
    p = argparse.ArgumentParser()
    for name in ("--serve", "--onset", "--venv"):
        p.add_argument(name, required=True)
    p.add_argument("--sizes", default="200,2000")
    p.add_argument("--cpu", default="0", help="of the client; the server has the others")
    p.add_argument("--only", default="", help="clients to run, by part of their names")
    p.add_argument("--lm-eval-run", action="store_true", help="for versions whose command is lm_eval run")
    args = p.parse_args()
    args.onset, args.venv = os.path.abspath(args.onset), os.path.abspath(args.venv)
    sizes = [int(x) for x in args.sizes.split(",")]
    got = {}
    with tempfile.TemporaryDirectory() as work:
        server = subprocess.Popen([args.serve, "-addr", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        url = server.stdout.readline().strip()
        try:
            for n in sizes:
                questions(f"{work}/questions.jsonl", n)
                os.makedirs(f"{work}/tasks", exist_ok=True)
                pathlib.Path(f"{work}/tasks/peer.yaml").write_text(TASK.format(file=f"{work}/questions.jsonl"))
                for name, (command, env) in clients(args, url, work).items():
                    if args.only and not any(o in name for o in args.only.split(",")):
                        continue
                    shutil.rmtree(f"{work}/run", ignore_errors=True)
                    shutil.rmtree(f"{work}/cache", ignore_errors=True)
                    before = counts(url)["answered"]
                    clock, cpu = run(command, env, args.cpu)
                    asked = counts(url)["answered"] - before
                    assert asked == n, f"{name} asked {asked} times for {n} questions"
                    got[name, n] = clock, cpu
                    print(f"{name}: {n} questions in {clock:.1f} s, {cpu:.1f} s of processor", flush=True)
        finally:
            server.terminate()
    small, large = sizes[0], sizes[-1]
    print(f"\n| client | ms of processor a request | requests a second by the clock | start-up, s of processor |\n|---|---|---|---|")
    for name in dict.fromkeys(name for name, _ in got):
        (t0, c0), (t1, c1) = got[name, small], got[name, large]
        per = (c1 - c0) / (large - small)
        print(f"| {name} | {1000 * per:.2f} | {(large - small) / max(t1 - t0, 1e-9):.0f} | {c0 - small * per:.1f} |")


if __name__ == "__main__":
    main()
