"""What people do with OpenAI's Python SDK, each scenario printing what it saw as a line of JSON."""

import asyncio
import json
import os
import sys
import traceback

import openai
from pydantic import BaseModel

URL = os.environ["GATEWAY_URL"]
KEY = os.environ["GATEWAY_KEY"]
HELLO = [{"role": "user", "content": "Count to 10"}]
WEATHER = [{
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather",
        "parameters": {
            "type": "object",
            "properties": {"location": {"type": "string"}},
            "required": ["location"],
        },
    },
}]


def client(base_url=URL, api_key=KEY, **options):
    return openai.OpenAI(api_key=api_key, base_url=base_url, max_retries=0, **options)


def ask(c, model="gpt-4", **params):
    return c.chat.completions.create(model=model, messages=HELLO, **params)


def shape(completion):
    return {
        "model": completion.model,
        "content": completion.choices[0].message.content,
        "finish": completion.choices[0].finish_reason,
        "tokens": completion.usage.completion_tokens,
    }


def base_url_without_v1():
    return shape(ask(client(URL)))


def base_url_with_v1():
    return shape(ask(client(URL + "/v1")))


def base_url_with_slash():
    return shape(ask(client(URL + "/v1/")))


def streaming():
    chunks = list(ask(client(), stream=True))
    return {
        "content": "".join(c.choices[0].delta.content or "" for c in chunks),
        "finish": chunks[-1].choices[0].finish_reason,
        "models": sorted({c.model for c in chunks}),
        "ids": len({c.id for c in chunks}),
        "usages": sum(1 for c in chunks if c.usage),
        "empty": sum(1 for c in chunks if not c.choices),
    }


def streaming_with_usage():
    chunks = list(ask(client(), stream=True, stream_options={"include_usage": True}))
    last = chunks[-1]
    return {
        "choices": last.choices,
        "tokens": last.usage.completion_tokens,
        "cost": last.usage.model_extra.get("cost"),
        "usages": sum(1 for c in chunks if c.usage),
    }


def asynchronous():
    async def both():
        async with openai.AsyncOpenAI(api_key=KEY, base_url=URL, max_retries=0) as c:
            whole = await c.chat.completions.create(model="gpt-4", messages=HELLO)
            parts = []
            async for chunk in await c.chat.completions.create(model="gpt-4", messages=HELLO, stream=True):
                parts.append(chunk.choices[0].delta.content or "")
            many = await asyncio.gather(
                *(c.chat.completions.create(model="gpt-4", messages=HELLO) for _ in range(20))
            )
            return {"whole": whole.choices[0].message.content, "parts": "".join(parts), "many": len(many)}

    return asyncio.run(both())


def raw_response():
    raw = client().chat.completions.with_raw_response.create(model="gpt-4", messages=HELLO)
    return {
        "status": raw.status_code,
        "cost": raw.headers.get("x-litellm-response-cost"),
        "group": raw.headers.get("x-litellm-model-group"),
        "call_id": bool(raw.headers.get("x-litellm-call-id")),
        "parsed": raw.parse().choices[0].message.content,
    }


def tools():
    message = ask(client(), tools=WEATHER).choices[0].message
    call = message.tool_calls[0]
    follow_up = client().chat.completions.create(
        model="gpt-4",
        tools=WEATHER,
        messages=[*HELLO, message, {"role": "tool", "tool_call_id": call.id, "content": "Sunny"}],
    )
    return {
        "name": call.function.name,
        "arguments": json.loads(call.function.arguments),
        "answered": bool(follow_up.choices[0].message.content),
    }


def tools_streamed():
    with client().chat.completions.stream(model="gpt-4", messages=HELLO, tools=WEATHER) as stream:
        for _ in stream:
            pass
        call = stream.get_final_completion().choices[0].message.tool_calls[0]
    return {"name": call.function.name, "arguments": json.loads(call.function.arguments)}


class Person(BaseModel):
    name: str
    age: int


class Team(BaseModel):
    title: str
    members: list[Person]


def parse_with_schema():
    completion = client().chat.completions.parse(model="gpt-4", messages=HELLO, response_format=Team)
    team = completion.choices[0].message.parsed
    return {"class": type(team).__name__, "age": team.members[0].age}


def azure():
    c = openai.AzureOpenAI(api_key=KEY, azure_endpoint=URL, api_version="2024-10-21", max_retries=0)
    chunks = list(ask(c, stream=True))
    return {**shape(ask(c)), "streamed": "".join(k.choices[0].delta.content or "" for k in chunks if k.choices)}


def models():
    return sorted(model.id for model in client().models.list())


def extra_parameters():
    return shape(ask(client(), temperature=0.2, seed=7, logit_bias={"50256": -100}, extra_body={"brand_new": {"a": 1}}))


def raises(call):
    try:
        call()
    except openai.APIStatusError as error:
        body = error.body if isinstance(error.body, dict) else {}
        return {"class": type(error).__name__, "status": error.status_code, "type": body.get("type"), "param": body.get("param")}
    except openai.APIError as error:
        return {"class": type(error).__name__}
    return {"class": None}


def error_wrong_key():
    return raises(lambda: ask(client(api_key="sk-wrong")))


def error_unknown_model():
    return raises(lambda: ask(client(), model="nobody-knows"))


def error_bad_parameter():
    return raises(lambda: ask(client(), temperature="hot"))


def error_unknown_path():
    return raises(lambda: client().post("/v1/nowhere", body={}, cast_to=object))


def error_forbidden_model():
    return raises(lambda: ask(client(api_key=os.environ["NARROW_KEY"])))


def error_rate_limit():
    return raises(lambda: ask(client(), model="busy"))


def error_upstream_down():
    return raises(lambda: ask(client(), model="down"))


def error_upstream_refuses():
    return raises(lambda: ask(client(), model="refusing"))


def error_before_stream():
    return raises(lambda: ask(client(), model="busy", stream=True))


def cut_in_stream():
    seen = []

    def read():
        for chunk in ask(client(), model="cut", stream=True):
            seen.append(chunk.choices[0].finish_reason)

    return {**raises(read), "chunks": len(seen), "finishes": [f for f in seen if f]}


def error_event_in_stream():
    def read():
        for _ in ask(client(), model="error-event", stream=True):
            pass

    return raises(read)


def retries_of_its_own():
    """How often each failure is sent, by a client that would send it three times."""
    sent = []
    hooks = {"request": [lambda request: sent.append(request)]}
    patient = openai.OpenAI(
        api_key=KEY, base_url=URL, max_retries=2, http_client=openai.DefaultHttpxClient(event_hooks=hooks)
    )

    def count(model, **params):
        sent.clear()
        raises(lambda: ask(patient, model=model, **params))
        return len(sent)

    return {
        "gateway_retries": count("down", extra_body={"num_retries": 1}),
        "gateway_does_not": count("down"),
        "final": count("refusing"),
    }


SCENARIOS = [
    base_url_without_v1, base_url_with_v1, base_url_with_slash, streaming, streaming_with_usage, asynchronous,
    raw_response, tools, tools_streamed, parse_with_schema, azure, models, extra_parameters, error_wrong_key,
    error_unknown_model, error_bad_parameter, error_unknown_path, error_forbidden_model, error_rate_limit,
    error_upstream_down, error_upstream_refuses, error_before_stream, cut_in_stream, error_event_in_stream,
    retries_of_its_own,
]

for scenario in SCENARIOS:
    try:
        result = {"saw": scenario()}
    except Exception:
        result = {"crash": traceback.format_exc()}
    print(json.dumps({"scenario": scenario.__name__, **result}))
    sys.stdout.flush()
