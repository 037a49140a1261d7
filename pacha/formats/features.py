"""A profile as the `features` of a datasheet, and a schema back from there: so a clone without bytes can classify."""

from collections.abc import Iterable, Mapping
from typing import Any

from pacha.base.canonical import encode_compact
from pacha.formats.datatype import BadType, DataType
from pacha.formats.inspection import Malformed
from pacha.formats.schema import BadSchema, Column, DataSchema

#: A card lies in a manifest, meant to stay below 64 KiB and never above 1 MiB: beyond the first limit a table's
#: features are names and types only, beyond the second one none. `facts_detail` always has all of it.
STATISTICS_BYTES_MAX = 48 << 10
FEATURES_BYTES_MAX = 384 << 10


def features_of_rows(rows: Iterable[Mapping[str, Any]], *, with_statistics: bool = True) -> dict[str, dict[str, Any]]:
    """`{name: {dtype, nullable, description?, statistics?}}` in the order of the rows of an inspection's `columns`.

    Statistics go first where a table is too wide for both; empty for very wide tables.
    """
    features: dict[str, dict[str, Any]] = {}
    full: dict[str, dict[str, Any]] = {}
    for row in rows:
        feature = {"dtype": row["dtype"], "nullable": row["nullable"]}
        if row.get("description"):
            feature["description"] = row["description"]
        features[row["name"]] = feature
        full[row["name"]] = {**feature, "statistics": dict(row["statistics"])} if row.get("statistics") else feature
    size = len(encode_compact(features))
    if size > FEATURES_BYTES_MAX:
        return {}
    is_small = len(encode_compact(full)) <= max(STATISTICS_BYTES_MAX, size)
    return full if with_statistics and is_small else features


def schema_of_features(features: Mapping[str, Any]) -> DataSchema:
    """The schema that features tell; what a card does not say of a column is that it may be null.

    A document keeps no order of members, so columns are in order of their names: compare features with features, never
    with a file's own schema. Errors: `Malformed`.
    """
    columns = []
    for name, feature in sorted(features.items()):
        if not isinstance(feature, Mapping) or not isinstance(feature.get("dtype"), str):
            raise Malformed(f"feature {name!r:.80} has no dtype", hint='for instance {dtype = "Int64"}', column=name)
        try:
            dtype = DataType.parse(feature["dtype"])
            columns.append(
                Column(
                    name=name,
                    dtype=dtype,
                    nullable=bool(feature.get("nullable", True)),
                    description=str(feature.get("description") or ""),
                )
            )
        except (BadType, BadSchema) as error:
            raise Malformed(f"feature {name!r:.80}: {error.message}", hint=error.hint, column=name) from error
    return DataSchema(columns=tuple(columns))
