"""Whether a version number of a dataset says what happened to it, and which number would.

MAJOR: the schema breaks readers. MINOR: there are new columns or new rows. PATCH: corrections. The number before is the
highest release below the new one: that is what people come from who take the new one.
Source: docs/data.md, "Which number"; https://semver.org/spec/v2.0.0.html, items 4, 6, 7 and 9.
"""

from collections.abc import Iterable
from dataclasses import replace

from pacha.base.errors import Negative
from pacha.base.semver import Version
from pacha.formats.change import ChangeKind, SchemaChange, required_bump

_SHOWN_CHANGES = 3


class LyingVersion(Negative):
    """A version number says less than what happened."""


def version_before(versions: Iterable[Version], new: Version) -> Version | None:
    """The version that a new one is held against: the highest release below it, else the highest prerelease.

    >>> [str(version_before(map(Version.parse, ("1.0.0", "1.1.0-rc.1", "2.0.0")), Version.parse(new))) for new in ("1.1.0", "2.1.0")]
    ['1.0.0', '2.0.0']
    """
    below = [version for version in versions if version.precedence < new.precedence]
    return max((version for version in below if not version.is_prerelease), default=max(below, default=None))


def least_bump(previous: Version, change: SchemaChange) -> str:
    """The least part that has to rise. Before 1.0.0 a minor version may break, and must where something breaks."""
    part = required_bump(change)
    return "minor" if part == "major" and previous.major == 0 else part


def check_version(previous: Version, new: Version, change: SchemaChange) -> None:
    """Refuses a number that says too little; one that says more than happened is fine.

    A prerelease has promised nothing, so after one any higher number is right. How many rows there are never refuses a
    number: a correction may drop some. Errors: `LyingVersion` with the right number.
    """
    least = previous.bump(least_bump(previous, change))
    reached = (new.major, new.minor, new.patch) >= (least.major, least.minor, least.patch)
    if new.precedence > previous.precedence and (previous.is_prerelease or reached):
        return
    right = least
    if new.is_prerelease and (early := replace(least, prerelease=new.prerelease)).precedence > previous.precedence:
        right = early
    if change.kind is ChangeKind.NONE:
        message = f"{new} does not come after {previous}"
    else:
        changed = [item for item in change.changes if item.is_breaking or change.kind is ChangeKind.ADDITIVE]
        told = "; ".join(str(item) for item in changed[:_SHOWN_CHANGES])
        more = f"; and {len(changed) - _SHOWN_CHANGES} more" if len(changed) > _SHOWN_CHANGES else ""
        word = "breaks readers of" if change.is_breaking else "adds to"
        message = f"{new} says too little: the schema {word} {previous} ({told}{more})"
    raise LyingVersion(
        message,
        hint=f"{right} would be right" + ("" if right.is_prerelease else "; `--tag auto` takes it"),
        previous=str(previous),
        version=str(new),
        right=str(right),
        change=change.kind.value,
    )


def right_version(
    previous: Version, change: SchemaChange, *, is_content_new: bool = True, rows_changed: bool = False
) -> Version:
    """The number that `--tag auto` takes: the next one after `previous`, the highest there is, that says what happened.

    A prerelease becomes its release where that says enough.

    >>> from pacha.formats.change import NO_CHANGE
    >>> [str(right_version(Version.parse("1.2.3"), NO_CHANGE, rows_changed=rows)) for rows in (False, True)]
    ['1.2.4', '1.3.0']
    """
    part = least_bump(previous, change)
    if part == "patch" and is_content_new and rows_changed:
        part = "minor"
    return previous.bump(part)
