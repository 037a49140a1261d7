"""Which artifacts name each object of the packs: one small number an object stands for a set of owners.

An empty file of 10,000 artifacts must not cost the square of that: a set of more than `SHARERS_MAX` is only *many*, and what
each artifact holds of it is summed while the artifact is walked.
"""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

from pacha.base.errors import Absent, Corrupt
from pacha.base.names import ArtifactName
from pacha.graph.walk import is_data, is_leaf
from pacha.objects.manifest import Manifest
from pacha.objects.tag import Tag
from pacha.objects.types import Link, type_named
from pacha.porcelain.roots import draft_links
from pacha.porcelain.storage_records import Ledger
from pacha.porcelain.workspace import Workspace
from pacha.store.chains import bases_of
from pacha.store.objects import Objects

#: Nobody reads who the others are where so many share a thing.
SHARERS_MAX = 64
#: Numbers that stand for no set of artifacts.
NOBODY, MANY, ELSEWHERE, BASE = range(4)


@dataclass(slots=True, kw_only=True)
class Named:
    """What an artifact's commits and draft name. Units: bytes; `committed_bytes` counts each commit's files."""

    commits: int = 0
    committed_bytes: int = 0
    versions: int = 0
    links: set[Link] = field(default_factory=set)


@dataclass(slots=True, kw_only=True)
class Held:
    """What an artifact holds, each object once. Units: bytes. `absent` objects are not in the packs."""

    plain: int = 0
    stored: int = 0
    absent: int = 0


class OwnerSets:
    """Sets of artifacts by number. Artifacts come in order, so the last member of a set tells whether one is in it."""

    def __init__(self) -> None:
        self.members: list[tuple[int, ...]] = [()] * len((NOBODY, MANY, ELSEWHERE, BASE))
        self._numbers: dict[tuple[int, ...], int] = {}

    def joined(self, number: int, artifact: int) -> int:
        """The number of a set with one more member, who comes after all others; `MANY` has no members to tell."""
        members = (*self.members[number], artifact)
        if number == MANY or len(members) > SHARERS_MAX:
            return MANY
        found = self._numbers.get(members)
        if found is None:
            found = self._numbers[members] = len(self.members)
            self.members.append(members)
        return found


class Owners:
    """Who names the objects of a ledger. `of` has a number for each object; `problems` is what cannot be read."""

    def __init__(self, objects: Objects, ledger: Ledger) -> None:
        self._objects = objects
        self._ledger = ledger
        self.sets = OwnerSets()
        self.of = array("I", bytes(4 * len(ledger.stored)))
        self.problems = 0

    def walk_artifact(self, artifact: int, links: Iterable[Link]) -> Held:
        """Marks everything that an artifact names. Artifacts are walked one after another, by their numbers."""
        held = Held()
        # What has a set of owners tells by it that this artifact is in it; the others have to be remembered.
        seen: set[bytes] = set()
        todo = list(links)
        while todo:
            link = todo.pop()
            number = self._ledger.numbers.get(link.id.raw)
            before = NOBODY if number is None else self.of[number]
            if link.id.raw in seen or self.sets.members[before][-1:] == (artifact,):
                continue
            if number is None:
                seen.add(link.id.raw)
                held.absent += 1
                continue
            self.of[number] = self.sets.joined(before, artifact)
            if self.of[number] == MANY:
                seen.add(link.id.raw)
            held.plain += self._ledger.plain[number]
            held.stored += self._ledger.stored[number]
            todo.extend(self._inside(link))
        return held

    def walk_elsewhere(self, links: Iterable[Link]) -> None:
        """Marks what no artifact here names and these links do."""
        todo = [link for link in links if is_data(link)]
        while todo:
            link = todo.pop()
            number = self._ledger.numbers.get(link.id.raw)
            if number is not None and self.of[number] == NOBODY:
                self.of[number] = ELSEWHERE
                todo.extend(self._inside(link))

    def mark_bases(self) -> None:
        """Marks what nothing names and what differences that are named rest upon (I9)."""
        bases = {id: {base for base in found if base is not None} for id, found in self._ledger.bases.items()}
        used = (id for id in bases if self.of[self._ledger.numbers[id.raw]] != NOBODY)
        for id in bases_of(bases, used):
            number = self._ledger.numbers.get(id.raw)
            if number is not None and self.of[number] == NOBODY:
                self.of[number] = BASE

    def _inside(self, link: Link) -> tuple[Link, ...]:
        if is_leaf(link):
            return ()
        try:
            return self._objects.references(link)
        except (Absent, Corrupt):
            self.problems += 1
            return ()


def named_here(workspace: Workspace, roots: Iterable[Link]) -> tuple[dict[ArtifactName, Named], int]:
    """What each artifact names, from its commits that the roots reach and its draft; and how many documents are lost.

    Documents are read one by one and not kept: there may be hundreds of thousands.
    """
    found: dict[ArtifactName, Named] = {}
    lost = 0
    seen: set[Link] = set()
    todo = [link for link in roots if not is_data(link)]
    while todo:
        link = todo.pop()
        if link in seen:
            continue
        seen.add(link)
        try:
            value = workspace.repository.objects.load(link)
        except (Absent, Corrupt):
            lost += 1
            continue
        references = tuple(type_named(link.type).references(value))
        todo.extend(each for each in references if not is_data(each))
        if isinstance(value, Manifest):
            named = found.setdefault(value.artifact, Named())
            named.commits += 1
            named.committed_bytes += value.size
            named.links.update(each for each in references if is_data(each))
        elif isinstance(value, Tag):
            found.setdefault(value.artifact, Named()).versions += 1
    for draft in workspace.drafts():
        found.setdefault(draft.artifact, Named()).links.update(draft_links(draft))
    return found, lost


def sizes_of(owners: Owners, ledger: Ledger) -> tuple[dict[int, int], dict[int, int]]:
    """By number of a set of owners: bytes stored of its objects, and how many they are."""
    stored: dict[int, int] = {}
    counts: dict[int, int] = {}
    for number, owner in enumerate(owners.of):
        stored[owner] = stored.get(owner, 0) + ledger.stored[number]
        counts[owner] = counts.get(owner, 0) + 1
    return stored, counts
