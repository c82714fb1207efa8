"""The document as its page shows it: groups of operations with their parameters, bodies, answers and refusals."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botbalance.openapi import refusals
from botbalance.openapi.completing import METHODS

Schema = dict[str, Any]
MOST_DEEP = 4
OK = "2"


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter or a field: where it stands (path, query, header; "" in a body), its kind, and what it is."""

    name: str
    place: str
    kind: str
    required: bool
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    status: str
    content_type: str
    fields: tuple[Field, ...]
    example: str


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Operation:
    id: str
    method: str
    path: str
    title: str
    text: str
    is_open: bool
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    sent: str
    answers: tuple[Answer, ...]
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    operations: tuple[Operation, ...]


def groups(document: Schema) -> list[Group]:
    """All operations by the group they belong to, in the order of the document's tags."""
    found: dict[str, list[Operation]] = {tag["name"]: [] for tag in document["tags"]}
    schemas = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method in METHODS:
            if method in operations:
                raw = operations[method]
                found[raw["tags"][0]].append(_operation(path, method, raw, schemas))
    return [Group(name, tuple(rows)) for name, rows in found.items()]


def _operation(path: str, method: str, raw: Schema, schemas: Schema) -> Operation:
    body = raw.get("requestBody", {}).get("content", {}).get("application/json", {})
    return Operation(
        id=raw["operationId"],
        method=method.upper(),
        path=path,
        title=raw["summary"],
        text="" if raw["description"].rstrip(".") == raw["summary"] else raw["description"].replace("`", ""),
        is_open=not any(raw.get("security", [])),
        parameters=tuple(_parameter(row, schemas) for row in raw.get("parameters", [])),
        body=tuple(_fields(body.get("schema", {}), schemas, hidden="readOnly")),
        sent=_shown(body),
        answers=tuple(_answers(raw["responses"], schemas)),
        refusals=tuple(_refusals(raw["responses"])),
    )


def _parameter(row: Schema, schemas: Schema) -> Field:
    text = _without_choices(row.get("description", ""))
    return Field(row["name"], row["in"], _kind(row["schema"], schemas), row.get("required", False), text)


def _answers(responses: Schema, schemas: Schema) -> Iterator[Answer]:
    for status, answer in responses.items():
        if not status.startswith(OK):
            continue
        contents = answer.get("content") or {"": {}}
        for content_type, content in contents.items():
            fields = tuple(_fields(content.get("schema", {}), schemas, hidden="writeOnly"))
            yield Answer(status, content_type, fields, _shown(content))


def _refusals(responses: Schema) -> Iterator[Refusal]:
    for status, answer in responses.items():
        if not status.startswith(OK):
            for code in answer["content"]["application/json"]["examples"]:
                yield Refusal(int(status), code, refusals.CODES[code][1].replace("`", ""))


def _shown(content: Schema) -> str:
    """The example of a body as people read JSON."""
    for one in content.get("examples", {}).values():
        return json.dumps(one["value"], indent=2, ensure_ascii=False)
    return ""


def _fields(schema: Schema, schemas: Schema, hidden: str, before: str = "", deep: int = 0) -> Iterator[Field]:
    """Every field, nested ones with their way to them: results[].symbol."""
    schema = _resolved(schema, schemas)
    if schema.get("type") == "array":
        yield from _fields(schema["items"], schemas, hidden, f"{before}[]", deep)
        return
    required = schema.get("required", [])
    for name, inner in schema.get("properties", {}).items():
        if inner.get(hidden):
            continue
        place = f"{before}.{name}".lstrip(".")
        yield Field(place, "", _kind(inner, schemas), name in required, _text(inner, schemas))
        if deep < MOST_DEEP:
            yield from _fields(inner, schemas, hidden, place, deep + 1)


def _resolved(schema: Schema, schemas: Schema) -> Schema:
    while True:
        if "$ref" in schema:
            schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
        elif "allOf" in schema:
            schema = {**schema["allOf"][0], **{key: value for key, value in schema.items() if key != "allOf"}}
        elif "oneOf" in schema:
            schema = {**schema["oneOf"][0], **{key: value for key, value in schema.items() if key != "oneOf"}}
        else:
            return schema


def _text(schema: Schema, schemas: Schema) -> str:
    own = schema.get("description", "") or (
        "" if _resolved(schema, schemas).get("properties") else _resolved(schema, schemas).get("description", "")
    )
    return _without_choices(own)


def _without_choices(text: str) -> str:
    """Without the list of choices that drf-spectacular puts behind a text: they are in the kind."""
    return "" if text.startswith("* `") else text.partition("\n\n* `")[0].replace("`", "")


def _kind(schema: Schema, schemas: Schema) -> str:
    """What a value is: "decimal", "time", "list of object", "BUY, SELL", with "or null"."""
    is_null = bool(schema.get("nullable"))
    schema = _resolved(schema, schemas)
    is_null = is_null or bool(schema.get("nullable"))
    names = {"date-time": "time", "decimal": "decimal", "uri": "address", "email": "e-mail address"}
    if "enum" in schema:
        kind = " | ".join(str(value) for value in schema["enum"] if value not in (None, ""))
    elif schema.get("type") == "array":
        kind = f"list of {_kind(schema.get('items', {}), schemas)}"
    else:
        kind = names.get(str(schema.get("format")), str(schema.get("type", "any")))
    return f"{kind} or null" if is_null else kind
