"""What people do with LiteLLM's own client of its management API, each scenario printing what it saw as a line of JSON."""

import json
import os
import sys
import traceback

# The price list on the network is of no use here.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import requests
from litellm.proxy.client import Client, UnauthorizedError
from litellm.proxy.client.exceptions import NotFoundError
from litellm.proxy.client.health import HealthManagementClient
from litellm.proxy.client.users import UsersManagementClient

URL = os.environ["GATEWAY_URL"]
KEY = os.environ["GATEWAY_KEY"]
client = Client(base_url=URL, api_key=KEY)
users = UsersManagementClient(base_url=URL, api_key=KEY)


def without(value, *names):
    return {name: each for name, each in value.items() if name not in names}


def keys():
    made = client.keys.generate(
        models=["gpt-4"], aliases={"best": "gpt-4"}, spend=0.5, duration="30d", key_alias="from-python",
        config={"verbose": True},
    )
    info = client.keys.info(made["key"])["info"]
    updated = client.keys.update(made["key"], key_alias="renamed", models=["gpt-4", "busy"], spend=1)
    listed = client.keys.list(page=1, size=5, key_alias="renamed", return_full_object=True, include_team_keys=True)
    deleted = client.keys.delete(keys=[made["key"]])
    return {
        "alias": info["key_alias"],
        "aliases": info["aliases"],
        "spend": info["spend"],
        "status": info["status"],
        "models": updated["models"],
        "listed": [each["key_alias"] for each in listed["keys"]],
        "total": listed["total_count"],
        "deleted": len(deleted["deleted_keys"]),
    }


def keys_by_alias():
    client.keys.generate(key_alias="gone-soon")
    return len(client.keys.delete(key_aliases=["gone-soon"])["deleted_keys"])


def teams():
    requests.post(
        f"{URL}/team/new", headers={"Authorization": f"Bearer {KEY}"}, json={"team_id": "crew", "team_alias": "Crew"}
    ).raise_for_status()
    page = client.teams.list_v2(page=1, page_size=10, sort_by="team_alias", sort_order="asc")
    return {
        "list": [team["team_alias"] for team in client.teams.list()],
        "page": without(page, "teams"),
        "teams": [team["team_id"] for team in page["teams"]],
        "available": client.teams.get_available(),
    }


def people():
    made = users.create_user({"user_id": "ada", "user_email": "ada@example.com", "user_role": "internal_user"})
    info = users.get_user("ada")
    slim = users.get_user_v2("ada")
    listed = [user["user_id"] for user in users.list_users({"page": 1, "page_size": 10})]
    users.delete_user(["ada"])
    try:
        users.get_user("ada")
        gone = None
    except NotFoundError as error:
        gone = type(error).__name__
    return {
        "key": made["key"].startswith("sk-"),
        "email": info["user_info"]["user_email"],
        "keys": len(info["keys"]),
        "role": slim["user_role"],
        "listed": "ada" in listed,
        "gone": gone,
    }


def models():
    client.models.new(
        model_name="from-python",
        model_params={"model": "openai/gpt-4o", "api_base": "http://127.0.0.1:9/v1", "api_key": "sk-shown-nowhere"},
        model_info={"id": "from-python-1"},
    )
    got = client.models.get(model_id="from-python-1")
    client.models.update(
        model_id="from-python-1", model_params={"rpm": 7, "model": "openai/gpt-4o"}, model_info={"id": "from-python-1"}
    )
    named = client.models.get(model_name="from-python")
    groups = [group["model_group"] for group in client.model_groups.info()]
    listed = [model["id"] for model in client.models.list()]
    client.models.delete("from-python-1")
    return {
        "name": got["model_name"],
        "secret": "sk-shown-nowhere" in json.dumps(got),
        "rpm": named["litellm_params"]["rpm"],
        "group": "from-python" in groups,
        "listed": "from-python" in listed,
        "left": "from-python" in [model["id"] for model in client.models.list()],
    }


def credentials():
    made = client.credentials.create(
        credential_name="shared", credential_info={"custom_llm_provider": "openai"},
        credential_values={"api_key": "sk-shown-nowhere"},
    )
    listed = client.credentials.list()
    got = client.credentials.get("shared")
    deleted = client.credentials.delete("shared")
    return {
        "made": made["success"],
        "listed": [each["credential_name"] for each in listed["credentials"]],
        "info": got["credential_info"],
        "secret": "sk-shown-nowhere" in json.dumps([listed, got]),
        "deleted": deleted["success"],
    }


def chat():
    whole = client.chat.completions(model="gpt-4", messages=[{"role": "user", "content": "Count to 10"}])
    parts = client.chat.completions_stream(model="gpt-4", messages=[{"role": "user", "content": "Count to 10"}])
    return {
        "whole": whole["choices"][0]["message"]["content"],
        "streamed": "".join(part["choices"][0]["delta"].get("content") or "" for part in parts if part["choices"]),
    }


def plain_http():
    return client.http.request("GET", "/global/spend")


def health():
    return HealthManagementClient(base_url=URL, api_key=KEY).get_readiness()["status"]


def wrong_key():
    stranger = Client(base_url=URL, api_key="sk-nobody-has-this-key")
    seen = []
    for call in [stranger.keys.list, stranger.teams.list, stranger.models.info, stranger.credentials.list]:
        try:
            call()
        except UnauthorizedError as error:
            seen.append(type(error).__name__)
    return seen


for scenario in [keys, keys_by_alias, teams, people, models, credentials, chat, plain_http, health, wrong_key]:
    try:
        result = {"saw": scenario()}
    except Exception:
        result = {"crash": traceback.format_exc()}
    print(json.dumps({"scenario": scenario.__name__, **result}))
    sys.stdout.flush()
