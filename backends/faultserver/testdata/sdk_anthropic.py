"""Asks a fault server with Anthropic's official Python SDK: python sdk_anthropic.py URL.

The server refuses the first call with 429 and the second with 529, which the SDK retries by itself.
"""
import sys

import anthropic

client = anthropic.Anthropic(base_url=sys.argv[1], api_key="key-of-the-sdk", max_retries=3)
# The SDK speaks the newest version of the API, in which sampling has no parameters; greedy answers need the older one.
greedy = {"extra_headers": {"anthropic-version": "2023-06-01"}, "extra_body": {"temperature": 0}}

m = client.messages.create(
    model="some-model", max_tokens=20, system="be brief", messages=[{"role": "user", "content": "what follows 41"}], **greedy,
)
assert m.type == "message" and m.role == "assistant" and m.model == "some-model", m
assert [b.type for b in m.content] == ["text"] and m.content[0].text == "42", m
assert m.stop_reason == "end_turn" and m.stop_sequence is None, m
assert m.usage.input_tokens > 0 and m.usage.output_tokens == 1, m

m = client.messages.create(model="some-model", max_tokens=1, messages=[{"role": "user", "content": [{"type": "text", "text": "say something"}]}], **greedy)
assert m.stop_reason == "max_tokens" and m.usage.output_tokens == 1, m
word = m.content[0].text

m = client.messages.create(model="some-model", max_tokens=50, stop_sequences=[word], messages=[{"role": "user", "content": "say something"}], **greedy)
assert m.stop_reason == "stop_sequence" and m.stop_sequence == word and m.content[0].text == "", m

texts = {client.messages.create(model="some-model", max_tokens=50, messages=[{"role": "user", "content": "draw"}]).content[0].text for _ in range(4)}
assert len(texts) > 1, texts

raw = client.messages.with_raw_response.create(model="some-model", max_tokens=5, messages=[{"role": "user", "content": "limits"}])
assert int(raw.headers["anthropic-ratelimit-requests-limit"]) == 1000, raw.headers
assert "T" in raw.headers["anthropic-ratelimit-tokens-reset"], raw.headers

for change in [
    {"max_tokens": 0}, {"extra_body": {"temperature": 1}}, {"stop_sequences": ["\n"]}, {"messages": []},
    {"thinking": {"type": "enabled", "budget_tokens": 100}},
]:
    try:
        client.messages.create(**{"model": "some-model", "max_tokens": 20, "messages": [{"role": "user", "content": "x"}], **change})
    except anthropic.BadRequestError as e:
        assert e.status_code == 400 and e.body["error"]["type"] == "invalid_request_error", e
    else:
        raise AssertionError(f"{change} is taken")

try:
    anthropic.Anthropic(base_url=sys.argv[1], api_key="wrong", max_retries=0).messages.create(model="m", max_tokens=1, messages=[{"role": "user", "content": "x"}])
except anthropic.AuthenticationError as e:
    assert e.body["error"]["type"] == "authentication_error", e
else:
    raise AssertionError("a wrong key is taken")
print("anthropic", anthropic.__version__, "accepts the face")
