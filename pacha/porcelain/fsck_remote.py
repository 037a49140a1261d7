"""`pacha fsck --remote`: holds what a remote has against what its log says, without changing anything there.

Its log is read back to the first entry, every pack and index that it names is looked for, and every object that its
refs name. Only with `read_data` is every byte of every pack read; what a clone here has spares reading trees there.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from pacha.base.errors import Absent, Corrupt, PachaError
from pacha.base.ids import ObjectId
from pacha.graph.walk import is_data, is_leaf
from pacha.objects.tag import Tag
from pacha.objects.types import Link
from pacha.porcelain.concerns import Concerns
from pacha.porcelain.connect import Connection
from pacha.porcelain.erasures import Erasures
from pacha.porcelain.problems import Problem, Severity, problem
from pacha.porcelain.remote_objects import RemoteObjects
from pacha.porcelain.remote_statements import RemoteStatements
from pacha.porcelain.workspace import Workspace
from pacha.remotes.holdings import Holdings
from pacha.remotes.keys import INDEXES, LOG, PACKS, index_key, log_key, pack_key
from pacha.remotes.log import read_entries
from pacha.remotes.records import RemoteRecords, scan_pack
from pacha.remotes.remote import Remote


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteReport:
    """What was found on a remote. `read_data` tells whether every byte was read. Units: `size` in bytes."""

    remote: str
    url: str
    read_data: bool
    entries: int
    refs: int
    packs: int
    objects: int
    size: int
    problems: tuple[Problem, ...]

    @property
    def is_clean(self) -> bool:
        """Tells whether nothing is lost or wrong; notices do not count."""
        return not any(found.severity is Severity.ERROR for found in self.problems)


def fsck_remote(workspace: Workspace, connection: Connection, *, read_data: bool = False) -> RemoteReport:
    """Checks a remote. Errors: those of `Remote` where it cannot be asked."""
    check = _Check(workspace, connection, read_data=read_data)
    problems = tuple(dict.fromkeys(check.run()))
    state = connection.state
    return RemoteReport(
        remote=connection.name,
        url=connection.remote.url,
        read_data=read_data,
        entries=state.number,
        refs=len(state.refs),
        packs=len(state.packs),
        objects=len({id for id, _ in check.holdings.records()}),
        size=sum(held.pack.size for held in state.packs.values()),
        problems=check.with_refs(problems),
    )


class _Check:
    """One look at a remote."""

    def __init__(self, workspace: Workspace, connection: Connection, *, read_data: bool) -> None:
        self._workspace = workspace
        self._connection = connection
        self._read_data = read_data
        # Not what this machine remembers: what lies there.
        self.holdings = Holdings(connection.remote, connection.state)
        self._objects = RemoteObjects(workspace.repository.objects, self.holdings, reads_remote=read_data)
        self._lost: dict[Problem, tuple[Link, ...]] = {}

    def run(self) -> Iterator[Problem]:
        """Everything that is wrong."""
        yield from check_log(self._connection.remote, self._connection.state.number)
        yield from self._indexes()
        yield from self._packs()
        yield from self._refs()

    def with_refs(self, problems: Iterable[Problem]) -> tuple[Problem, ...]:
        """Says which refs each finding concerns."""
        problems = list(problems)
        if not any(found.object is not None or found in self._lost for found in problems):
            return tuple(problems)
        refs = {ref: held.link for ref, held in self._connection.state.refs.items()}
        # Where something is damaged, the trees that tell what it concerns are worth asking for.
        concerns = Concerns(RemoteObjects(self._workspace.repository.objects, self.holdings).references, refs)
        return tuple(replace(found, refs=concerns.of(self._links(found))) for found in problems)

    def _links(self, found: Problem) -> tuple[Link, ...]:
        return self._lost.get(found, () if found.object is None else (found.object,))

    def _indexes(self) -> Iterator[Problem]:
        broken = self.holdings.load_sound()
        for id, reason in broken.items():
            yield problem("remoteIndex", reason, path=index_key(id))
        for pack in sorted(self.holdings.uncovered()):
            yield problem("remoteIndex", f"no index covers {pack_key(pack)}", path=pack_key(pack))

    def _packs(self) -> Iterator[Problem]:
        contents = self._contents()
        unsound = unsound_packs(self.holdings)
        for pack, reason in unsound.items():
            yield self._losing("remotePack", reason, pack, contents.get(pack, ()))
        if not self._read_data:
            return
        progress = self._workspace.repository.progress
        whole = [pack for pack in self.holdings.state.packs if pack not in unsound]
        progress.start(
            f"reading {self._connection.name}", total_bytes=sum(self.holdings.size_of(pack) for pack in whole)
        )
        try:
            for pack in whole:
                yield from self._read_pack(pack, contents.get(pack, ()))
                progress.advance(self.holdings.size_of(pack))
        finally:
            progress.finish()

    def _contents(self) -> dict[ObjectId, tuple[Link, ...]]:
        found: dict[ObjectId, set[Link]] = {}
        for id, place in self.holdings.records():
            found.setdefault(place.pack, set()).add(Link(place.type, id))
        return {pack: tuple(links) for pack, links in found.items()}

    def _losing(self, check: str, reason: str, pack: ObjectId, links: tuple[Link, ...]) -> Problem:
        found = problem(check, reason, path=pack_key(pack))
        self._lost[found] = links
        return found

    def _read_pack(self, pack: ObjectId, links: tuple[Link, ...]) -> Iterator[Problem]:
        records = RemoteRecords(self.holdings)
        where = f"{self._connection.remote.url}: {pack_key(pack)}"
        indexed = {(id, place.offset) for id, place in self.holdings.records() if place.pack == pack}
        seen = set()
        try:
            for record in scan_pack(self.holdings, pack):
                seen.add((record.header.id, record.offset))
                try:
                    records.plain(record.header, record.payload, where)
                except Corrupt as error:
                    link = Link(record.header.type, record.header.id)
                    yield problem("remoteRecord", error.message, path=pack_key(pack), object=link)
        except Corrupt as error:
            yield self._losing("remotePack", error.message, pack, links)
            return
        if indexed and indexed != seen:
            yield problem("remoteIndex", f"{where}: an index says other records than it has", path=pack_key(pack))

    # -- what refs name --------------------------------------------------------------------------------------------

    def _refs(self) -> Iterator[Problem]:
        """Every META object that the refs reach, and the DATA of every head and version, must be there.

        The bytes of their ancestors may never have been pushed.
        """
        erasures = Erasures(self._workspace.repository, RemoteStatements(self.holdings))
        named = {self._manifest(held.link) for held in self._connection.state.refs.values()}
        seen: set[Link] = set()
        todo: list[tuple[Link, Link | None]] = [(held.link, None) for held in self._connection.state.refs.values()]
        while todo:
            link, via = todo.pop()
            if link in seen:
                continue
            seen.add(link)
            if not self.holdings.has(link.id):
                erased = None if via is None else erasures.of(via.id)
                if via is None or not is_data(link) or is_data(via) or (via in named and erased is None):
                    yield self._missing(link, via)
                elif erased is not None:
                    yield problem("erased", f"{via}: {erased.text}", object=via)
                continue
            if is_leaf(link):
                continue
            try:
                todo.extend((inner, link) for inner in self._objects.references(link))
            except Absent:
                continue
            except Corrupt as error:
                yield problem("remoteRecord", error.message, object=link)

    def _missing(self, link: Link, via: Link | None) -> Problem:
        names = "a ref names" if via is None else f"{via} names"
        return problem(
            "remoteMissing", f"{self._connection.remote.url}: {names} {link}, which is not there", object=link
        )

    def _manifest(self, link: Link) -> Link:
        """What a ref of a head or version stands for."""
        if link.type != "tag":
            return link
        try:
            tag = self._objects.load(link)
        except PachaError:
            return link
        return Link("manifest", tag.manifest) if isinstance(tag, Tag) else link


def check_log(remote: Remote, tip: int) -> Iterator[Problem]:
    """Whether every entry is there, and follows from the one before. Files repeat earlier entries: these are read too."""
    number = tip
    try:
        for file in read_entries(remote, tip):
            number = file[-1].entry.number
    except Corrupt as error:
        yield problem("remoteLog", error.message, path=log_key(number))
    here = sizes_of(remote, LOG, [log_key(number) for number in range(1, tip + 1)])
    for key, size in here.items():
        if size is None:
            yield problem("remoteLog", f"{remote.url}: {key} is missing", path=key)


def sizes_of(remote: Remote, prefix: str, keys: Iterable[str]) -> dict[str, int | None]:
    """The size of some values, None where there is none: by one listing where that is offered."""
    if not remote.can_list:
        return {key: remote.size(key) for key in keys}
    listed = {stored.key: stored.size for stored in remote.list(prefix)}
    return {key: listed.get(key) for key in keys}


def unsound_packs(holdings: Holdings) -> dict[ObjectId, str]:
    """The packs that are not there or not as long as the log says, with the reason."""
    state, remote = holdings.state, holdings.remote
    sizes = sizes_of(remote, PACKS, [pack_key(pack) for pack in state.packs])
    found = {}
    for pack, held in state.packs.items():
        size = sizes[pack_key(pack)]
        if size is None:
            found[pack] = f"{remote.url}: {pack_key(pack)} is not there"
        elif size != held.pack.size:
            found[pack] = f"{remote.url}: {pack_key(pack)} has {size} bytes, not {held.pack.size}"
    return found


def unsound_indexes(holdings: Holdings) -> dict[ObjectId, str]:
    """The indexes that are not there or not as long as the log says, with the reason."""
    state, remote = holdings.state, holdings.remote
    sizes = sizes_of(remote, INDEXES, [index_key(index) for index in state.indexes])
    return {
        id: f"{remote.url}: {index_key(id)} is not as its log says"
        for id, held in state.indexes.items()
        if sizes[index_key(id)] != held.index.size
    }
