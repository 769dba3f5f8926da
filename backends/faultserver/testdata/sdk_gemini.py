"""Asks a fault server with Google's official Python SDK: python sdk_gemini.py URL."""
import sys

from google import genai
from google.genai import errors, types

client = genai.Client(api_key="key-of-the-sdk", vertexai=False, http_options=types.HttpOptions(base_url=sys.argv[1]))


def ask(contents, model="some-model", **config):
    return client.models.generate_content(model=model, contents=contents, config=types.GenerateContentConfig(**config))


r = ask("what follows 41", temperature=0, max_output_tokens=20, system_instruction="be brief")
assert r.text == "42" and r.candidates[0].finish_reason == types.FinishReason.STOP, r
assert r.usage_metadata.prompt_token_count > 0 and r.usage_metadata.candidates_token_count == 1 and r.model_version == "some-model", r

r = ask("say something", temperature=0, max_output_tokens=1)
assert r.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS, r
word = r.text

r = ask("say something", temperature=0, stop_sequences=[word])
assert not r.text and r.candidates[0].finish_reason == types.FinishReason.STOP, r

a, b, again = (ask("draw", temperature=1, seed=seed).text for seed in (1, 2, 1))
assert a != b and a == again, (a, b, again)

r = ask([types.Content(role="user", parts=[types.Part(text="hi")]), types.Content(role="model", parts=[types.Part(text="ho")]), types.Content(role="user", parts=[types.Part(text="what follows 6")])], temperature=0)
assert r.text == "7", r

r = ask("think about 1", model="thinks", temperature=0)
assert r.usage_metadata.thoughts_token_count == 3 and r.text == "2", r
r = ask("forbidden", model="blocked", temperature=0)
assert r.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT and not r.candidates, r

try:
    ask("x", stop_sequences=list("abcdef"))
except errors.ClientError as e:
    assert e.code == 400 and e.status == "INVALID_ARGUMENT", e
else:
    raise AssertionError("six stop sequences are taken")
wrong = genai.Client(api_key="wrong", vertexai=False, http_options=types.HttpOptions(base_url=sys.argv[1]))
try:
    wrong.models.generate_content(model="m", contents="x")
except errors.ClientError as e:
    assert e.code == 401, e
else:
    raise AssertionError("a wrong key is taken")
print("google-genai", genai.__version__, "accepts the face")
