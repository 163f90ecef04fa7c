"""The JSON schemas in docs/schemas, one a command of `sluice`, and checks of output against them.

A schema lets a reader meet fields that it does not know: fields are added and never renamed. Our
own output must have no others: here a schema is taken as closed.
"""

import functools
import json

import jsonschema

from harness.broker import ROOT

SCHEMAS = ROOT / "docs/schemas"


def path_of(command):
    """`topics list`: docs/schemas/topics-list.json."""
    return SCHEMAS / f"{command.replace(' ', '-')}.json"


def closed(schema):
    """A copy that takes no properties but those that are named."""
    if isinstance(schema, list):
        return [closed(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {key: closed(inner) for key, inner in schema.items()}
    if isinstance(copy.get("properties"), dict) and copy.get("type"):
        copy.setdefault("additionalProperties", False)
    return copy


@functools.cache
def load():
    """{address of a schema: the closed schema}; one schema names another by its file."""
    return {path.as_uri(): closed(json.loads(path.read_text(encoding="utf-8")))
            for path in SCHEMAS.glob("*.json")}


def check_schema(value, command):
    """Raises jsonschema.ValidationError with the place in `value` that the schema forbids."""
    schemas = load()
    address = path_of(command).as_uri()
    jsonschema.Draft202012Validator.check_schema(schemas[address])
    resolver = jsonschema.RefResolver(address, schemas[address], store=schemas)
    jsonschema.Draft202012Validator(schemas[address], resolver=resolver).validate(value)
