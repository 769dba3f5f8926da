"""Measures lm-evaluation-harness's hf backend on the checkpoint and requests of BenchmarkFiveShotSuite.

    ONSET_BENCH_DIR=DIR go test ./backends/local -run '^$' -bench FiveShotSuite -benchtime 1x
    python testdata/bench/fiveshot.py DIR [--batch-sizes 1,4,16] [--threads N]

Run both on an idle machine, one after the other. It needs lm_eval, torch and transformers, prints samples a second for
each task and batch size, of which the best counts, and compares its log-likelihoods with those that the benchmark left
in DIR. The time is that of scoring alone: the model is loaded before, texts are tokenized within, as on the other side.
"""

import argparse
import json
import os
import time


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", help="the folder that ONSET_BENCH_DIR named")
    parser.add_argument("--batch-sizes", default="1,4,16")
    parser.add_argument("--threads", type=int, help="of torch; its own choice if left out")
    parser.add_argument("--tasks", default="letters,texts,own")
    args = parser.parse_args()

    import torch
    import transformers
    import lm_eval
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    if args.threads:
        torch.set_num_threads(args.threads)
    checkpoint = os.path.join(args.dir, "pythia-160m-f32")
    print(f"lm_eval {lm_eval.__version__}, torch {torch.__version__}, transformers {transformers.__version__}, "
          f"{torch.get_num_threads()} threads")
    with open(os.path.join(args.dir, "fiveshot.jsonl")) as f:
        questions = [json.loads(line) for line in f]
    theirs = {}
    best = {}
    for size in map(int, args.batch_sizes.split(",")):
        model = HFLM(pretrained=checkpoint, tokenizer=checkpoint, device="cpu", dtype="float32", batch_size=size)
        for task in args.tasks.split(","):
            some = [(i, q) for i, q in enumerate(questions) if q["task"] == task]
            requests = [
                Instance(request_type="loglikelihood", doc={}, arguments=(q["prompt"], choice), idx=i)
                for _, q in some for i, choice in enumerate(q["choices"])
            ]
            start = time.perf_counter()
            results = model.loglikelihood(requests, disable_tqdm=True)
            seconds = time.perf_counter() - start
            rate = len(some) / seconds
            best[task] = max(best.get(task, 0), rate)
            print(f"batch size {size}, {task}: {len(some)} samples in {seconds:.1f} s, {rate:.3f} samples/s", flush=True)
            sums = iter(results)
            for i, q in some:
                theirs[i] = [next(sums)[0] for _ in q["choices"]]
        del model
    for task, rate in best.items():
        print(f"best of {task}: {rate:.3f} samples/s")
    compare(os.path.join(args.dir, "fiveshot-onset.json"), theirs)


def compare(path, theirs):
    """Prints the largest difference to the sums that the benchmark left."""
    if not os.path.exists(path):
        print(f"{path} is not there: nothing to compare with")
        return
    with open(path) as f:
        ours = json.load(f)
    worst, n = 0.0, 0
    for i, sums in theirs.items():
        for a, b in zip(sums, ours[i], strict=True):
            worst, n = max(worst, abs(a - b)), n + 1
    print(f"log-likelihoods of {n} continuations differ by {worst:.2g} nats at most")


if __name__ == "__main__":
    main()
