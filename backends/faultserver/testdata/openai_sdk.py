"""Speaks to the fault server's OpenAI face with the official Python SDK, which parses every answer into its own types.

usage: python openai_sdk.py BASE_URL

TestOpenAISDK runs it against a server whose script fails the calls of these numbers: 3 status 429 with Retry-After 0.2,
5 status 429, 6 a reset, 7 a stall, 10 a refusal, 11 cut by length, 12 null content. Needs the package openai.
"""

import io
import json
import sys
import time

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key="sk-right", max_retries=0, timeout=5)


def ask(c=client, **more):
    return c.chat.completions.create(model="m", messages=[{"role": "user", "content": "what follows 41"}], **more)


def expect(kind, call):
    try:
        call()
    except kind as e:
        return e
    raise AssertionError(f"no {kind.__name__}")


# 1, 2: answers, with limits in the header
raw = client.chat.completions.with_raw_response.create(model="m", messages=[{"role": "user", "content": "what follows 41"}], max_tokens=5)
answer = raw.parse()
assert answer.choices[0].message.content == "42" and answer.choices[0].finish_reason == "stop", answer
assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0, answer
assert raw.headers["x-ratelimit-limit-requests"] == "1000" and raw.headers["x-ratelimit-remaining-requests"] == "999", raw.headers
text = client.completions.create(model="m", prompt=["what follows 1", "what follows 2"], max_tokens=3)
assert [c.text for c in text.choices] == ["2", "3"], text

# 3, 4: the SDK waits as Retry-After says and asks again
begun = time.monotonic()
assert ask(client.with_options(max_retries=1)).choices[0].message.content == "42"
assert time.monotonic() - begun >= 0.2

# 5, 6, 7: failures become the SDK's own
e = expect(openai.RateLimitError, ask)
assert e.code == "rate_limit_exceeded" and e.status_code == 429, e
expect(openai.APIConnectionError, ask)
expect(openai.APITimeoutError, lambda: ask(timeout=0.3))
expect(openai.AuthenticationError, lambda: ask(client.with_options(api_key="sk-wrong")))
expect(openai.BadRequestError, lambda: client.chat.completions.create(model="o3", messages=[{"role": "user", "content": "x"}], temperature=0.5))

# 10, 11, 12: outcomes; 8 and 9 were the wrong key and the wrong parameter
refusal = ask()
assert refusal.choices[0].message.refusal and refusal.choices[0].message.content is None, refusal
assert ask().choices[0].finish_reason == "length"
assert ask().choices[0].message.content is None

assert [m.id for m in client.models.list().data] == ["fault-model"]

# a batch
lines = [
    {"custom_id": f"r{i}", "method": "POST", "url": "/v1/chat/completions",
     "body": {"model": "m", "messages": [{"role": "user", "content": f"what follows {i}"}]}}
    for i in range(4)
]
file = client.files.create(file=("in.jsonl", io.BytesIO("".join(json.dumps(x) + "\n" for x in lines).encode())), purpose="batch")
batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"a": "b"})
batch = client.batches.retrieve(batch.id)
assert batch.status == "completed" and batch.request_counts.completed == 4 and batch.metadata == {"a": "b"}, batch
results = [json.loads(x) for x in client.files.content(batch.output_file_id).text.splitlines()]
assert {r["custom_id"]: r["response"]["body"]["choices"][0]["message"]["content"] for r in results} == {f"r{i}": str(i + 1) for i in range(4)}
assert client.batches.list().data[0].id == batch.id

print("openai", openai.__version__, "ok")
