"""The read API of an earlier registry, for the clients that exist: models, their versions, and their bytes, as JSON.

It asks a `Reader`, whatever that reads: this module knows the shapes of the answers and nothing of stores.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pacha.base.canonical import encode_compact
from pacha.base.names import check_name
from pacha.base.semver import Version
from pacha.server.asking import Answer, Ask, NothingThere, Pieces

PAGE_DEFAULT, PAGE_MAX = 100, 1000
_LIMIT = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRow:
    """A version of a model. `hash` is BLAKE3 in hexadecimal digits, `created_at` RFC 3339; `size` in bytes."""

    version: str
    hash: str
    size: int
    created_at: str
    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDetail:
    """A version with what is known of it. `lineage` has parent, dataset and recipe, where there are any."""

    row: VersionRow
    card: Mapping[str, object] | None = None
    lineage: Mapping[str, str] | None = None


class Reader(Protocol):
    """A registry that is read. Any thread may call. Errors: `NotFound` families for what there is not."""

    def list(self) -> Sequence[str]:
        """The names of all models, sorted."""

    def versions(self, model: str) -> Sequence[VersionRow]:
        """The versions of a model, the highest first."""

    def get(self, model: str, version: str) -> VersionDetail:
        """One version."""

    def open(self, model: str, version: str) -> tuple[int, Iterable[bytes | memoryview]]:
        """The bytes of a version that is one file, checked as they come, and how many they are."""


class Shelf:
    """The routes below `/api/v1`. Without a reader there is nothing on it."""

    def __init__(self, reader: Reader | None = None) -> None:
        self._reader_or_none = reader

    @property
    def _reader(self) -> Reader:
        if self._reader_or_none is None:
            raise NothingThere("this server has no models to list", hint="it serves a remote: see /capabilities")
        return self._reader_or_none

    def v1_models(self, ask: Ask) -> Answer:
        """`{models, total, next_cursor}`."""
        names = self._reader.list()
        limit = ask.query.get("limit", "")
        count = min(int(limit), PAGE_MAX) if _LIMIT.fullmatch(limit) else PAGE_DEFAULT
        cursor = ask.query.get("cursor", "")
        later = [name for name in names if name > cursor]
        page = later[:count]
        rows = [{"name": name, "latest": self._latest(name)} for name in page]
        return _json({"models": rows, "total": len(names), "next_cursor": page[-1] if len(later) > count else None})

    def _latest(self, name: str) -> str | None:
        versions = self._reader.versions(name)
        return versions[0].version if versions else None

    def v1_versions(self, ask: Ask) -> Answer:
        """`{model, versions}`."""
        model = check_name(ask.names["model"])
        return _json({"model": model, "versions": [_row(row) for row in self._reader.versions(model)]})

    def v1_version(self, ask: Ask) -> Answer:
        """`{name, version, hash, size, card?, lineage?}`."""
        model, version = _named(ask)
        found = self._reader.get(model, version)
        value: dict[str, object] = {
            "name": model,
            "version": found.row.version,
            "hash": found.row.hash,
            "size": found.row.size,
        }
        if found.card:
            value["card"] = dict(found.card)
        if found.lineage:
            value["lineage"] = dict(found.lineage)
        return _json(value)

    def v1_artifact(self, ask: Ask) -> Answer:
        """The bytes."""
        model, version = _named(ask)
        size, pieces = self._reader.open(model, version)
        return Answer(
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Disposition": "attachment",
                "Content-Length": str(size),
                "Cache-Control": "no-store",
            },
            body=Pieces(pieces=pieces, length=size),
        )


def _named(ask: Ask) -> tuple[str, str]:
    return check_name(ask.names["model"]), str(Version.parse(ask.names["version"]))


def _row(row: VersionRow) -> dict[str, object]:
    return {
        "version": row.version,
        "hash": row.hash,
        "size": row.size,
        "created_at": row.created_at,
        "stage": row.stage,
    }


def _json(value: object) -> Answer:
    return Answer(
        headers={"Content-Type": "application/json", "Cache-Control": "no-store"}, body=encode_compact(value) + b"\n"
    )
