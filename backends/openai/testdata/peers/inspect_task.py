"""The questions of questions.jsonl as a task of inspect_ai, for measure.py. N bounds them."""

import json
import os
import pathlib

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import exact
from inspect_ai.solver import generate


@task
def peer():
    lines = pathlib.Path(os.environ["PEER_QUESTIONS"]).read_text().splitlines()
    return Task(
        dataset=MemoryDataset([Sample(id=i, input=r["question"], target=r["answer"]) for i, r in enumerate(map(json.loads, lines))]),
        solver=generate(max_tokens=32, temperature=0),
        scorer=exact(),
    )
