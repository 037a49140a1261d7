"""`pacha stats --storage`: where the bytes go, by what they are for, by artifact, by codec and by differences.

The parts add up to the files below `.pacha`, exactly. Nothing is decoded but trees and lists of chunks.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pacha.base.names import ArtifactName
from pacha.porcelain.freeable import CANNOT_TELL, Freeable, freeable
from pacha.porcelain.roots import Roots, add_elsewhere, collect_here
from pacha.porcelain.storage_files import DiskFiles
from pacha.porcelain.storage_owners import BASE, ELSEWHERE, MANY, NOBODY, Held, Named, Owners, named_here, sizes_of
from pacha.porcelain.storage_records import Ledger, Tally
from pacha.porcelain.workspace import Workspace
from pacha.store.codec import Codecs

#: So many of those that an artifact shares with are named.
NAMED_SHARERS_MAX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One use of the disk. Units: bytes. `count` is objects for what lies in packs, else files."""

    name: str
    count: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactStorage:
    """What one artifact costs. Units: bytes.

    `committed_bytes` counts the files of each commit, `plain_bytes` each object once. Stored, `own_bytes` are of objects
    that only it names, `shared_bytes` of objects that others name too: `shared_with` has the first few of these, and
    with `is_shared_widely` there are more than anybody counts. `absent` objects are named and not here.
    """

    artifact: ArtifactName
    commits: int
    versions: int
    committed_bytes: int
    plain_bytes: int
    own_bytes: int
    shared_bytes: int
    shared_with: tuple[ArtifactName, ...]
    is_shared_widely: bool
    absent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecStorage:
    """The records of one codec, repeated copies included. Units: bytes; `stored_bytes` has their headers."""

    codec: str
    records: int
    plain_bytes: int
    stored_bytes: int
    ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthStorage:
    """The records that are so many differences away from a whole one; None where that cannot be told."""

    depth: int | None
    records: int
    plain_bytes: int
    stored_bytes: int
    ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Where the bytes go. Units: bytes. `parts` add up to `disk_bytes`.

    `stored_bytes` are the packs, `ratio` is stored ÷ plain. Of artifacts the largest comes first; what several name is in
    `shared_bytes` once. `gc` is None where gc would refuse.
    """

    disk_bytes: int
    committed_bytes: int
    plain_bytes: int
    stored_bytes: int
    shared_bytes: int
    ratio: float | None
    parts: tuple[Part, ...]
    artifacts: tuple[ArtifactStorage, ...]
    codecs: tuple[CodecStorage, ...]
    depths: tuple[DepthStorage, ...]
    gc: Freeable | None
    notes: tuple[str, ...]


def storage(workspace: Workspace) -> Storage:
    """Counts every file, every record of the packs, and what each artifact names of them. Errors: `BadRef`, `BadState`.

    Time: an object is met once for each artifact that names it. What is not known, because Git cannot be asked or
    something is damaged, is in `notes`.
    """
    # Reading what lies in the trash brings its pack back: gc's plan does, so what is on disk is counted after it.
    workspace.repository.check_is_here()
    free, refusal = freeable(workspace)
    notes = [] if refusal is None else [f"what gc would free cannot be told: {refusal}"]
    data = workspace.repository.objects.data
    data.refresh()
    files = DiskFiles(workspace.repository)
    ledger = Ledger(data, files.packs)
    owners = Owners(workspace.repository.objects, ledger)
    roots = collect_here(workspace)
    named, lost = named_here(workspace, roots.links)
    artifacts = sorted(named, key=str)
    held = [owners.walk_artifact(number, named[artifact].links) for number, artifact in enumerate(artifacts)]
    notes += _walk_elsewhere(workspace, owners, roots)
    owners.mark_bases()
    if lost or owners.problems:
        notes.append(f"{lost + owners.problems} objects cannot be read, so what they name counts as unused")
    sizes, counts = sizes_of(owners, ledger)
    rows = _artifact_rows(artifacts, named, held, owners, sizes)
    stored = sum(files.packs.values())
    return Storage(
        disk_bytes=files.total,
        committed_bytes=sum(row.committed_bytes for row in rows),
        plain_bytes=sum(ledger.plain),
        stored_bytes=stored,
        shared_bytes=sum(size for owner, size in sizes.items() if owner == MANY or len(owners.sets.members[owner]) > 1),
        ratio=ratio_of(stored, sum(ledger.plain)),
        parts=_parts(files, ledger, owners, sizes, counts),
        artifacts=tuple(sorted(rows, key=lambda row: (-row.own_bytes - row.shared_bytes, str(row.artifact)))),
        codecs=_codec_rows(ledger),
        depths=_depth_rows(ledger),
        gc=free,
        notes=tuple(notes),
    )


def _walk_elsewhere(workspace: Workspace, owners: Owners, roots: Roots) -> list[str]:
    try:
        add_elsewhere(workspace, roots)
    except CANNOT_TELL as error:
        return [f"what Git and other work trees name counts as unused: {error.message}"]
    finally:
        owners.walk_elsewhere(roots.links)
    return []


def _parts(
    files: DiskFiles, ledger: Ledger, owners: Owners, sizes: Mapping[int, int], counts: Mapping[int, int]
) -> tuple[Part, ...]:
    """The uses of the disk. What of a pack is no record is framing, so that the sum holds."""
    copied = [number for number, size in enumerate(ledger.copies) if size and owners.of[number] != NOBODY]
    copies = sum(ledger.copies[number] for number in copied)
    # All copies of what nothing names are unused.
    unused = sizes.get(NOBODY, 0) + sum(ledger.copies) - copies
    special = {"elsewhere": ELSEWHERE, "bases": BASE}
    used = {owner for owner in sizes if owner not in (NOBODY, ELSEWHERE, BASE)}
    parts = [
        Part(name="artifacts", count=sum(counts[owner] for owner in used), size=sum(sizes[owner] for owner in used)),
        *(Part(name=name, count=counts.get(at, 0), size=sizes.get(at, 0)) for name, at in special.items()),
        Part(name="copies", count=len(copied), size=copies),
        Part(name="unused", count=counts.get(NOBODY, 0), size=unused),
    ]
    sound = sum(files.packs[pack] for pack in ledger.sound)
    parts += [
        Part(name="framing", count=len(ledger.sound), size=sound - sum(part.size for part in parts)),
        Part(name="damaged", count=len(ledger.unread), size=sum(ledger.unread.values())),
        *(Part(name=name, count=files.counts[name], size=size) for name, size in files.places.items()),
    ]
    return tuple(parts)


def _artifact_rows(
    artifacts: list[ArtifactName], named: Mapping[ArtifactName, Named], held: list[Held], owners: Owners,
    sizes: Mapping[int, int],
) -> list[ArtifactStorage]:  # fmt: skip
    own, counted = [0] * len(artifacts), [0] * len(artifacts)
    sharers: list[list[int]] = [[] for _ in artifacts]
    for owner in sorted(sizes, key=lambda owner: -sizes[owner]):
        members = owners.sets.members[owner]
        if len(members) == 1:
            own[members[0]] = sizes[owner]
        for member in members:
            counted[member] += sizes[owner]
            _add_sharers(sharers[member], members, member)
    return [
        ArtifactStorage(
            artifact=artifact, commits=named[artifact].commits, versions=named[artifact].versions,
            committed_bytes=named[artifact].committed_bytes, plain_bytes=held[number].plain, own_bytes=own[number],
            shared_bytes=held[number].stored - own[number],
            shared_with=tuple(artifacts[other] for other in sharers[number]),
            is_shared_widely=held[number].stored > counted[number], absent=held[number].absent,
        )
        for number, artifact in enumerate(artifacts)
    ]  # fmt: skip


def _add_sharers(found: list[int], members: tuple[int, ...], artifact: int) -> None:
    for other in members:
        if len(found) == NAMED_SHARERS_MAX:
            return
        if other != artifact and other not in found:
            found.append(other)


def _codec_rows(ledger: Ledger) -> tuple[CodecStorage, ...]:
    names = Codecs().names()
    rows = [
        CodecStorage(
            codec=names.get(number, str(number)), records=tally.records, plain_bytes=tally.plain,
            stored_bytes=tally.stored, ratio=_ratio(tally),
        )
        for number, tally in ledger.codecs.items()
    ]  # fmt: skip
    return tuple(sorted(rows, key=lambda row: (-row.stored_bytes, row.codec)))


def _depth_rows(ledger: Ledger) -> tuple[DepthStorage, ...]:
    found = ledger.by_depth()
    return tuple(
        DepthStorage(
            depth=depth, records=found[depth].records, plain_bytes=found[depth].plain,
            stored_bytes=found[depth].stored, ratio=_ratio(found[depth]),
        )
        for depth in sorted(found, key=lambda depth: (depth is None, depth or 0))
    )  # fmt: skip


def _ratio(tally: Tally) -> float | None:
    return ratio_of(tally.stored, tally.plain)


def ratio_of(stored: int, plain: int) -> float | None:
    """Stored ÷ plain; None where there is nothing plain.

    >>> ratio_of(1, 3), ratio_of(7, 0)
    (0.3333, None)
    """
    return round(stored / plain, 4) if plain else None
