"""The named schemas of all commands, made from the types of their answers."""

from importlib import import_module
from typing import Any

from pacha.cli.commands_table import PACKAGE, command_names
from pacha.cli.groups import group_schemas
from pacha.cli.plain import json_schema

_ERROR = {
    "type": "object",
    "properties": {
        "schema": {"const": "pacha.error/1"},
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "string"},
                "exit_code": {"type": "integer"},
                "message": {"type": "string"},
                "hint": {"type": ["string", "null"]},
                "nouns": {"type": "object"},
            },
            "required": ["code", "exit_code", "message", "hint", "nouns"],
        },
    },
    "required": ["schema", "error"],
}


def _types() -> dict[str, Any]:
    found: dict[str, Any] = group_schemas()
    for name in command_names():
        module = import_module(f"{PACKAGE}.{name.replace('-', '_')}")
        for schema, kind in (
            *([module.SCHEMA] if hasattr(module, "SCHEMA") else []),
            *getattr(module, "MORE_SCHEMAS", ()),
        ):
            found[schema] = kind
    return found


def schema_names() -> list[str]:
    """The names of all schemas, sorted."""
    return sorted([*_types(), "pacha.error/1"])


def schema_of(name: str) -> dict[str, Any]:
    """The JSON Schema of one answer, its envelope included."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": name}
    if name == "pacha.error/1":
        return {**head, **_ERROR}
    return {
        **head,
        "type": "object",
        "properties": {"schema": {"const": name}, "data": json_schema(_types()[name])},
        "required": ["schema", "data"],
        "additionalProperties": False,
    }
