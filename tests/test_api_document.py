"""The OpenAPI document and its page: complete, with examples that are what they say, and for everybody to read."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.test import Client
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from accounts.models import User
from botbalance.openapi import refusals
from botbalance.openapi.completing import METHODS, OTHERS, SUMMARIES
from botbalance.openapi.document import document
from botbalance.openapi.examples import REQUESTS
from exchanges.models import ExchangeAccount
from strategies.models import Strategy
from strategies.tests.sweep_scenes import stocked

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
Json = dict[str, Any]


def operations() -> Iterator[tuple[str, Json]]:
    for path, found in document()["paths"].items():
        for method in METHODS:
            if method in found:
                yield f"{method.upper()} {path}", found[method]


def plain(schema: Any, *, is_strict: bool = False) -> Any:
    """A schema of OpenAPI 3.0 as JSON Schema has it: null is a type, references are followed. `is_strict`: nothing but
    what is described.
    """
    if isinstance(schema, list):
        return [plain(entry, is_strict=is_strict) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return plain(document()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], is_strict=is_strict)
    found = {name: plain(value, is_strict=is_strict) for name, value in schema.items() if name != "nullable"}
    if is_strict and "properties" in found:
        found["additionalProperties"] = False
    return {"anyOf": [found, {"type": "null"}]} if schema.get("nullable") else found


def without(schema: Json, mark: str) -> Json:
    """The schema of one direction: fields of the other are not required, as OpenAPI has it."""
    if isinstance(schema, list):
        return [without(entry, mark) for entry in schema]  # type: ignore[return-value]
    if not isinstance(schema, dict):
        return schema
    found = {name: without(value, mark) for name, value in schema.items()}
    fields = found.get("properties")
    if isinstance(fields, dict) and isinstance(found.get("required"), list):
        found["required"] = [name for name in found["required"] if not fields.get(name, {}).get(mark)]
    return found


def check(value: Any, schema: Json, mark: str, *, is_strict: bool = False) -> None:
    jsonschema.Draft7Validator(without(plain(schema, is_strict=is_strict), mark)).validate(value)


# --- the document ----------------------------------------------------------------------------------------


def test_every_operation_says_what_it_does(subtests: pytest.Subtests) -> None:
    for name, operation in operations():
        with subtests.test(name):
            assert operation["summary"]
            assert len(operation["summary"]) <= 120
            assert operation["description"]
            assert operation["tags"][0] != OTHERS
            for parameter in operation.get("parameters", []):
                assert parameter.get("description") or "enum" in parameter["schema"], parameter["name"]


def test_every_example_is_what_the_schema_says(subtests: pytest.Subtests) -> None:
    checked = 0
    for name, operation in operations():
        contents = [("sent", "readOnly", operation.get("requestBody", {}).get("content", {}))]
        contents += [
            (status, "writeOnly", answer.get("content", {})) for status, answer in operation["responses"].items()
        ]
        for what, mark, content in contents:
            body = content.get("application/json")
            if body is None:
                continue
            with subtests.test(f"{name} {what}"):
                assert body["examples"], "no example"
                for example in body["examples"].values():
                    if "$ref" in example:
                        example = document()["components"]["examples"][example["$ref"].rsplit("/", 1)[1]]
                    check(example["value"], body["schema"], mark, is_strict=True)
                    checked += 1
    assert checked > 200


def test_every_operation_says_how_it_refuses(subtests: pytest.Subtests) -> None:
    for name, operation in operations():
        with subtests.test(name):
            statuses = set(operation["responses"])
            assert "503" in statuses
            assert not any(operation["security"]) or "401" in statuses
            if operation.get("requestBody"):
                assert {"400", "413", "415"} <= statuses


def test_what_is_told_of_operations_is_told_of_operations_there_are() -> None:
    known = {operation["operationId"] for _name, operation in operations()}
    assert {*refusals.OWN, *SUMMARIES, *REQUESTS} <= known
    assert {code for codes in refusals.OWN.values() for code in codes} <= set(refusals.CODES)


def test_every_code_that_the_program_refuses_with_is_explained() -> None:
    root = Path(__file__).parent.parent
    sources = [
        path.read_text()
        for app in ("accounts", "exchanges", "portfolio", "strategies", "orders")
        for path in (root / app).rglob("*.py")
        if not {"tests", "management", "smoke.py", "keeping.py"} & set(path.parts)
    ]
    refusal = r'(?:Conflict|Forbidden)\((?:[^()]|\([^()]*\))*code="(\w+)"'
    raised = {code for text in sources for code in re.findall(refusal, text)}
    raised.discard("mainnet")  # of opening an account for trials there, which is a command
    assert len(raised) > 10
    assert raised - set(refusals.CODES) == set()


# --- what the examples ask for ---------------------------------------------------------------------------


def test_the_examples_of_requests_are_taken(
    alice: User, api_for: Callable[[User], APIClient], paper_account: Callable[..., ExchangeAccount],
    strategy: Callable[..., Strategy], settings: Settings, tmp_path: Path, subtests: pytest.Subtests,
) -> None:  # fmt: skip
    stocked(settings, tmp_path)
    api, account = api_for(alice), paper_account(alice, label="Main")
    targets = strategy(account)
    numbers = {"account": account.pk, "strategy": targets.pk}
    asked = 0
    for name, operation in operations():
        sent = REQUESTS.get(operation["operationId"])
        path = name.partition(" ")[2].replace("{account_id}", str(account.pk)).replace("{strategy_id}", str(targets.pk))
        if sent is None or "{" in path:
            continue
        with subtests.test(name):
            body = {**sent, **{key: value for key, value in numbers.items() if key in sent}}
            method = name.partition(" ")[0].lower()
            answer = getattr(api, method)(path, body, format="json")
            assert answer.status_code in (200, 201), answer.content
            content = operation["responses"][str(answer.status_code)]["content"]["application/json"]
            check(answer.json(), content["schema"], "writeOnly", is_strict=True)
            asked += 1
    assert asked >= 9


def test_answers_hold_nothing_that_is_not_described(
    alice: User, api_for: Callable[[User], APIClient], paper_account: Callable[..., ExchangeAccount],
    strategy: Callable[..., Strategy], subtests: pytest.Subtests,
) -> None:  # fmt: skip
    api, account = api_for(alice), paper_account(alice)
    targets = strategy(account, order_step_pct="2")
    run = api.post("/api/me/rebalance/execute", {"strategy": targets.pk}, format="json").json()
    numbers = {
        "account_id": account.pk,
        "strategy_id": targets.pk,
        "run_id": run["run"],
        "order_id": run["orders"][0]["id"],
    }
    asked = 0
    for name, operation in operations():
        method, _space, path = name.partition(" ")
        content = operation["responses"].get("200", {}).get("content", {}).get("application/json")
        for parameter, value in numbers.items():
            path = path.replace(f"{{{parameter}}}", str(value))
        if method != "GET" or content is None or "{" in path:
            continue
        with subtests.test(name):
            answer = api.get(path)
            assert answer.status_code == 200, answer.content
            check(answer.json(), content["schema"], "writeOnly", is_strict=True)
            asked += 1
    assert asked > 20


# --- its page --------------------------------------------------------------------------------------------


def test_the_page_shows_every_operation_to_everybody_without_a_script(client: Client) -> None:
    answer = client.get("/api/docs/")
    page = answer.content.decode()
    for name, operation in operations():
        assert f'id="{operation["operationId"]}"' in page, name
    main = page[page.index("<main") :]
    assert "<script" not in main
    assert "style=" not in main
    assert "http://" not in re.sub(r"http://testserver/", "", re.sub(r"http://www.w3.org\S*", "", main))
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert client.post("/api/docs/").status_code == 405


def test_the_document_is_the_same_in_every_language_and_comes_as_yaml_or_json(client: Client) -> None:
    english = client.get("/api/schema/?format=json")
    russian = client.get("/api/schema/?format=json", headers={"Accept-Language": "ru"})
    assert english.content == russian.content
    assert english.json()["openapi"].startswith("3.")
    assert client.get("/api/schema/").content.startswith(b"openapi: 3.")
