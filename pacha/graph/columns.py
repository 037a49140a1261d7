"""Manifests as columns: what lineage needs of each one, packed so that 100,000 of them load in milliseconds.

Shape: `ids` 32 bytes a manifest, sorted; `created` 20 characters a manifest; `counts` how many parents each has;
`parents` 32 bytes and `roles` one byte a parent, in the order of their manifests.
"""

import json
import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pacha.base.ids import DIGEST_BYTES
from pacha.objects.manifest import ROLES, Manifest

#: Set in an edge's byte beside the number of its role: the manifest says more of this parent.
HAS_ATTRIBUTES = 0x80
_TIME_BYTES = len("2026-11-23T22:30:00Z")
_HEAD = struct.Struct("<I")


class BadColumns(ValueError):
    """Bytes are not packed columns, or another version packed them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One manifest. `parents` are pairs of an edge's byte and the parent's id."""

    id: bytes
    artifact: str
    created: str
    parents: tuple[tuple[int, bytes], ...]

    @classmethod
    def of(cls, id: bytes, manifest: Manifest) -> "Row":
        """What lineage needs of a manifest."""
        return cls(
            id=id,
            artifact=str(manifest.artifact),
            created=manifest.created,
            parents=tuple(
                (ROLES.index(parent.role) | (HAS_ATTRIBUTES if parent.attributes else 0), parent.manifest.raw)
                for parent in manifest.parents
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Some manifests. `artifacts` are the names that the numbers of `owners` stand for."""

    ids: bytes
    artifacts: tuple[str, ...]
    owners: Sequence[int]
    created: str
    counts: Sequence[int]
    roles: bytes
    parents: bytes

    def __len__(self) -> int:
        return len(self.owners)

    def artifact(self, place: int) -> str:
        """The artifact of the manifest at a place."""
        return self.artifacts[self.owners[place]]

    def time(self, place: int) -> str:
        """When the manifest at a place was made."""
        return self.created[place * _TIME_BYTES : (place + 1) * _TIME_BYTES]

    def place(self, id: bytes) -> int | None:
        """Where a manifest stands; None if it is not among these."""
        at = bisect_left(range(len(self)), id, key=lambda row: self.ids[row * DIGEST_BYTES : (row + 1) * DIGEST_BYTES])
        return at if self.ids[at * DIGEST_BYTES : (at + 1) * DIGEST_BYTES] == id else None

    def id_list(self) -> list[bytes]:
        """The ids one by one."""
        return split(self.ids)

    def rows(self) -> Iterator[Row]:
        """The manifests one by one."""
        edge = 0
        parents = split(self.parents)
        for place, id in enumerate(self.id_list()):
            end = edge + self.counts[place]
            yield Row(
                id=id,
                artifact=self.artifact(place),
                created=self.time(place),
                parents=tuple(zip(self.roles[edge:end], parents[edge:end], strict=True)),
            )
            edge = end


def split(ids: bytes) -> list[bytes]:
    """Ids that lie one after another, one by one."""
    return list(struct.unpack(f"{DIGEST_BYTES}s" * (len(ids) // DIGEST_BYTES), ids))


def pack(rows: Iterable[Row]) -> Columns:
    """Packs manifests, each id once."""
    ordered = sorted(rows, key=lambda row: row.id)
    codes: dict[str, int] = {}
    return Columns(
        ids=b"".join(row.id for row in ordered),
        owners=[codes.setdefault(row.artifact, len(codes)) for row in ordered],
        artifacts=tuple(codes),
        created="".join(row.created for row in ordered),
        counts=[len(row.parents) for row in ordered],
        roles=bytes(code for row in ordered for code, _ in row.parents),
        parents=b"".join(parent for row in ordered for _, parent in row.parents),
    )


def encode(columns: Columns) -> bytes:
    """Columns as bytes, for a cache.

    >>> row = Row(id=b"a" * 32, artifact="data/x", created="2026-03-03T12:00:00Z", parents=((1, b"b" * 32),))
    >>> list(decode(encode(pack([row]))).rows()) == [row]
    True
    """
    count, edges = len(columns), len(columns.roles)
    head = json.dumps([ROLES, columns.artifacts, count, edges]).encode("ascii")
    return b"".join(
        (
            _HEAD.pack(len(head)),
            head,
            columns.ids,
            struct.pack(f"<{count}I", *columns.owners),
            columns.created.encode("ascii"),
            struct.pack(f"<{count}H", *columns.counts),
            columns.roles,
            columns.parents,
        )
    )


def decode(raw: bytes) -> Columns:
    """Reads columns. Errors: `BadColumns`."""
    try:
        start = _HEAD.size + _HEAD.unpack_from(raw)[0]
        roles, artifacts, count, edges = json.loads(raw[_HEAD.size : start])
        if tuple(roles) != ROLES:
            raise BadColumns("other roles")
        widths = (count * DIGEST_BYTES, count * 4, count * _TIME_BYTES, count * 2, edges, edges * DIGEST_BYTES)
        if len(raw) != start + sum(widths):
            raise BadColumns("another length")
        pieces = []
        for width in widths:
            pieces.append(raw[start : start + width])
            start += width
        return Columns(
            ids=pieces[0],
            artifacts=tuple(artifacts),
            owners=struct.unpack(f"<{count}I", pieces[1]),
            created=pieces[2].decode("ascii"),
            counts=struct.unpack(f"<{count}H", pieces[3]),
            roles=pieces[4],
            parents=pieces[5],
        )
    except (struct.error, ValueError, TypeError) as error:
        raise BadColumns(f"not columns: {error}") from error
