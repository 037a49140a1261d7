"""What `pacha changes` says of one version, as rows: for the terminal and for a pull request alike."""

from collections.abc import Iterator
from dataclasses import dataclass

from pacha.cli.plain import words
from pacha.cli.render import json_text, size_text
from pacha.porcelain.changes import Changes, Published, StageChange
from pacha.registry.compare import ParentChange, ValueChange

#: A value of a card is shown so far; the card itself has all of it.
VALUE_LENGTH_MAX = 160
#: More rows of one version are not read by anybody; how many were left out is said.
ROWS_MAX = 60
#: How the rows of one version begin, in order.
NOTHING = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing that changed. `note` is a difference, or empty."""

    what: str
    name: str
    before: str
    after: str
    note: str = ""


def rows_of(item: Published) -> list[Row]:
    """Everything that sets a version apart from the one before it. The most telling comes first."""
    return [_size_row(item), *_metric_rows(item), *_column_rows(item), *_parent_rows(item), *_value_rows(item)]


def shown_rows(item: Published) -> tuple[list[Row], int]:
    """The rows that are shown, and how many are not."""
    rows = rows_of(item)
    return rows[:ROWS_MAX], max(0, len(rows) - ROWS_MAX)


def _size_row(item: Published) -> Row:
    before = NOTHING if item.size_before is None else size_text(item.size_before)
    new = (
        "too many files to count what is new" if item.new_bytes is None else f"{size_text(item.new_bytes)} in new files"
    )
    return Row(what="size", name="", before=before, after=size_text(item.size), note=new)


def _metric_rows(item: Published) -> Iterator[Row]:
    for metric in item.metrics:
        note = "" if metric.delta is None else f"{metric.delta:+.6g}" if metric.delta else "unchanged"
        yield Row(
            what="metric", name=metric.name, before=value_text(metric.before), after=value_text(metric.after), note=note
        )


def _column_rows(item: Published) -> Iterator[Row]:
    if item.before is None:
        return
    for column in item.columns:
        yield Row(
            what="column", name=column.name, before=column.before or NOTHING, after=column.after or NOTHING,
            note=f"{column.change}, breaks readers" if column.is_breaking else column.change,
        )  # fmt: skip


def _parent_rows(item: Published) -> Iterator[Row]:
    roles = dict.fromkeys(parent.role for parent in item.parents)
    for role in roles:
        changed = [parent for parent in item.parents if parent.role == role]
        yield Row(
            what="lineage", name=role, before=_names(changed, "removed", "changed"),
            after=_names(changed, "added", "changed"),
            note="attributes changed" if any(parent.change == "changed" for parent in changed) else "",
        )  # fmt: skip


def _names(parents: list[ParentChange], *changes: str) -> str:
    return ", ".join(parent.name for parent in parents if parent.change in changes) or NOTHING


def _value_rows(item: Published) -> Iterator[Row]:
    for what, values in (("facts", item.facts), ("card", item.card)):
        for value in values:
            yield _value_row(what, value)


def _value_row(what: str, value: ValueChange) -> Row:
    before, after = value_text(value.before), value_text(value.after)
    if before == after:
        # What differs only in its type or its brackets is shown as programs write it.
        before, after = (cut(json_text(item)) for item in (value.before, value.after))
    return Row(what=what, name=value.name, before=before, after=after)


def value_text(value: object) -> str:
    """A value of a document for people, cut where it is long.

    >>> value_text(0.9300000001), value_text(None), value_text(["a"])
    ('0.93', '–', 'a')
    """
    return NOTHING if value is None else cut(words(value))


def cut(text: str, length: int = VALUE_LENGTH_MAX) -> str:
    """A text, with an ellipsis where it is longer than may be shown."""
    return text if len(text) <= length else text[: length - 1] + "…"


def title_of(item: Published) -> str:
    """`1.3.0`, or what a head without a version is called."""
    return str(item.version) if item.version is not None else f"head manifest:{item.manifest.short}"


def before_text(item: Published) -> str:
    """What a version is compared with."""
    if item.before is None:
        return "the first one"
    if item.before.version is not None:
        return f"after {item.before.version}"
    return f"after manifest:{item.before.manifest.short}"


def signed_text(item: Published) -> str:
    """By whom it claims to be signed."""
    if not item.signers:
        return "unsigned" if not item.attestations else f"unsigned; {item.attestations} statements"
    return f"signed by {', '.join(item.signers)} (not verified here)"


def move_text(move: StageChange) -> str:
    """`1.3.0: staging → production (1.2.0 now staging)`."""
    displaced = ", ".join(f"{item.version} now {item.to_stage}" for item in move.displaced)
    return f"{move.version}: {move.from_stage} → {move.to_stage}" + (f" ({displaced})" if displaced else "")


def summary_of(found: Changes) -> str:
    """The whole in one line."""
    versions = [item for changed in found.artifacts for item in changed.published]
    parts = [
        _counted(sum(1 for item in versions if item.version is not None), "new version"),
        _counted(sum(1 for item in versions if item.version is None), "new head"),
        _counted(sum(len(changed.moves) for changed in found.artifacts), "stage move"),
        _counted(len(found.runs), "new run"),
        _counted(sum(len(changed.removed) for changed in found.artifacts), "thing removed", "things removed"),
    ]
    told = ", ".join(part for part in parts if part) or "nothing new"
    unlisted = f", and {found.unlisted} with too many files to count" if found.unlisted else ""
    return f"{told}; {size_text(found.new_bytes)} in new files{unlisted}" if versions else told


def _counted(count: int, noun: str, plural: str | None = None) -> str:
    return "" if not count else f"{count} {noun}" if count == 1 else f"{count} {plural or noun + 's'}"
