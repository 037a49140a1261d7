"""Inspects tables: CSV, TSV, JSON lines, Parquet and Arrow, by profiling them."""

from pacha.formats.inspection import Inspection, Source
from pacha.formats.profile import PROFILE_BYTES_MAX, Profile, profile

#: The names of the formats in `sniff.FORMATS` that this module inspects.
FORMATS = ("csv", "jsonl", "parquet", "arrow")


def inspect_source(name: str, source: Source) -> Inspection:
    """What a table holds. Errors: `Malformed`."""
    return inspection_of(profile(name, source, bytes_max=PROFILE_BYTES_MAX))


def inspection_of(found: Profile) -> Inspection:
    """A profile as an inspection: counts and the schema's fingerprint, and all columns with their statistics."""
    summary: dict[str, object] = {
        "format": found.format,
        "rows": found.rows,
        "columns": len(found.schema.columns),
        "schema": found.schema.fingerprint,
    }
    if found.is_partial:
        summary["partial"] = True
    columns = [
        {
            "name": column.name,
            "dtype": column.dtype.text,
            "nullable": column.nullable,
            "statistics": dict(found.statistics.get(column.name, {})),
        }
        for column in found.schema.columns
    ]
    return Inspection(
        format=found.format,
        summary=summary,
        detail={"columns": columns, **found.extra},
        warnings=found.warnings,
    )
