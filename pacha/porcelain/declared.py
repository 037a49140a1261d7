"""The schema that a person wrote of a dataset: what a card says, and whether files fit it."""

from collections.abc import Mapping
from typing import Any

from pacha.base.errors import Usage
from pacha.formats.inspection import FileSource
from pacha.formats.schema import DataSchema
from pacha.formats.sniff import format_of
from pacha.formats.validate import require_valid
from pacha.worktree.reading import holding_still
from pacha.worktree.scan import Scan

#: Where a card keeps the schema that a person wrote.
DECLARED = "schema"
TABLES = frozenset({"csv", "jsonl", "parquet", "arrow"})
TABLES_HINT = "tables are CSV, TSV, JSON lines, Parquet and Arrow files"


class NotATable(Usage):
    """A file or folder holds no table."""


def no_table(shown: str) -> NotATable:
    """The error for what holds no table."""
    return NotATable(f"{shown}: holds no table", hint=TABLES_HINT)


def declared_schema(card: Mapping[str, Any]) -> DataSchema | None:
    """The schema that a person wrote of a dataset, from its card. Errors: `BadSchema` if it is none any more."""
    extra = card.get("extra")
    found = extra.get(DECLARED) if isinstance(extra, Mapping) else None
    return None if found is None else DataSchema.from_document(found)


def check_declared(there: Scan, schema: DataSchema) -> None:
    """Refuses files that do not fit a schema. Errors: `NotValid` that names the first row and column, `NotATable`."""
    tables = [file for file in there.files if is_table(file.path)]
    for file in tables:
        with holding_still([file]), FileSource(file.full) as source:
            require_valid(schema, file.path, source)
    if not tables:
        raise no_table(there.files[0].path)


def is_table(path: str) -> bool:
    """Tells whether a file is a table by its name."""
    format = format_of(path)
    return format is not None and format.name in TABLES
