"""Writes windows.json: the windows in which lm-evaluation-harness scores texts that do not fit a model's context.

Run with lm_eval 0.4.13 installed: python windows.py > windows.json
"""

import json

from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

cases = []
for size in (1, 2, 3, 7, 16, 64):
    for length in (1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 33, 64, 65, 130):
        tokens = list(range(1, length + 1))
        pairs = get_rolling_token_windows(tokens, prefix_token=0, max_seq_len=size, context_len=1)
        windows = [make_disjoint_window(p) for p in pairs]
        cases.append({"size": size, "length": length, "windows": [{"context": c, "scored": s} for c, s in windows]})
print(json.dumps(cases, separators=(",", ":")))
