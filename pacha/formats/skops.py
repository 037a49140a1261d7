"""skops: a ZIP archive with a schema that names the type of everything in it, so that a reader can ask before it loads."""

import json
from typing import Any

from pacha.formats.inspection import Inspection, Malformed, Source
from pacha.formats.pickle_safety import SHOWN_MAX, SUSPICIOUS, is_harmless
from pacha.formats.pickle_values import Imported
from pacha.formats.tensors import text
from pacha.formats.zips import Archive

FORMATS = ("skops",)
SCHEMA_FILE = "schema.json"
SCHEMA_BYTES_MAX = 16 << 20
TYPES_MAX = 2_000
_MEMBERS_SHOWN = 1_000


def inspect_source(name: str, source: Source) -> Inspection:
    """The types that a schema names. Errors: `Malformed`."""
    del name
    archive = Archive(source)
    if SCHEMA_FILE not in archive:
        raise Malformed("a ZIP archive without schema.json")
    raw = archive.read(archive[SCHEMA_FILE], size_max=SCHEMA_BYTES_MAX)
    try:
        schema = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Malformed("its schema.json cannot be read") from error
    types = _types(schema)
    unusual = [str(item)[:400] for item in types if not is_harmless(item)]
    summary: dict[str, Any] = {"format": "skops", "types": len(types)}
    if isinstance(schema, dict) and isinstance(schema.get("__class__"), str):
        summary["architecture"] = text(f"{schema.get('__module__', '')}.{schema['__class__']}")[:400]
    return Inspection(
        format="skops",
        summary=summary,
        detail={
            "types": sorted({text(str(item)) for item in types}),
            "members": [{"name": text(item.name), "bytes": item.size} for item in archive.members[:_MEMBERS_SHOWN]],
        },
        warnings=tuple(f"{SUSPICIOUS}: {text(item)}" for item in unusual[:SHOWN_MAX]),
    )


def _types(value: Any) -> list[Imported]:
    """Every class that a schema names, wherever it stands."""
    found: dict[Imported, None] = {}
    todo = [value]
    while todo and len(found) < TYPES_MAX:
        item = todo.pop()
        if isinstance(item, dict):
            module, name = item.get("__module__"), item.get("__class__")
            if isinstance(name, str) and isinstance(module, str):
                found[Imported(module, name)] = None
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
    return list(found)
