"""A profile as the `features` of a datasheet, and a schema back from there: so a clone without bytes can classify."""

from collections.abc import Mapping
from typing import Any

from pacha.base.canonical import encode_compact
from pacha.formats.datatype import BadType, DataType
from pacha.formats.inspection import Malformed
from pacha.formats.profile import Profile
from pacha.formats.schema import BadSchema, Column, DataSchema

#: A card lies in a manifest, meant to stay below 64 KiB and never above 1 MiB: beyond the first limit a table's
#: features are names and types only, beyond the second one none. `facts_detail` always has all of it.
STATISTICS_BYTES_MAX = 48 << 10
FEATURES_BYTES_MAX = 384 << 10


def features_of(profile: Profile, *, schema: DataSchema | None = None) -> dict[str, dict[str, Any]]:
    """`{name: {dtype, nullable, description?, statistics?}}` in the order of the columns; empty for very wide tables.

    Descriptions come from `schema`, what a person wrote.
    """
    told = {} if schema is None else {column.name: column.description for column in schema.columns}
    features: dict[str, dict[str, Any]] = {}
    for column in profile.schema.columns:
        features[column.name] = {"dtype": column.dtype.text, "nullable": column.nullable}
        if told.get(column.name):
            features[column.name]["description"] = told[column.name]
    size = len(encode_compact(features))
    if size > FEATURES_BYTES_MAX:
        return {}
    full = {name: {**feature, **_figures(profile, name)} for name, feature in features.items()}
    return full if len(encode_compact(full)) <= max(STATISTICS_BYTES_MAX, size) else features


def _figures(profile: Profile, name: str) -> dict[str, Any]:
    figures = profile.statistics.get(name)
    return {"statistics": dict(figures)} if figures else {}


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
