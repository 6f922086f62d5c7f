"""LangChain's ChatOpenAI, each scenario printing what it saw as a line of JSON."""

import json
import os
import traceback

from langchain_core.tools import tool
from langchain_openai import AzureChatOpenAI, ChatOpenAI

URL = os.environ["GATEWAY_URL"]
KEY = os.environ["GATEWAY_KEY"]


def chat(**options):
    return ChatOpenAI(model="gpt-4", api_key=KEY, base_url=URL, max_retries=0, **options)


def invoke():
    message = chat().invoke("Count to 10")
    return {"content": message.content, "usage": message.usage_metadata["output_tokens"], "model": message.response_metadata["model_name"]}


def stream():
    whole = None
    for chunk in chat(stream_usage=True).stream("Count to 10"):
        whole = chunk if whole is None else whole + chunk
    return {"content": whole.content, "usage": whole.usage_metadata["output_tokens"]}


def tools():
    @tool
    def get_weather(location: str) -> str:
        """Get the current weather."""
        return "Sunny"

    (call,) = chat().bind_tools([get_weather]).invoke("Weather?").tool_calls
    return {"name": call["name"], "args": call["args"]}


def azure():
    llm = AzureChatOpenAI(
        azure_deployment="gpt-4", api_key=KEY, azure_endpoint=URL, api_version="2024-10-21", max_retries=0
    )
    return llm.invoke("Count to 10").content


for scenario in [invoke, stream, tools, azure]:
    try:
        result = {"saw": scenario()}
    except Exception:
        result = {"crash": traceback.format_exc()}
    print(json.dumps({"scenario": scenario.__name__, **result}), flush=True)
