"""Where every artifact stands: its versions, their stages and its heads, as refs say, remembered for searches.

What is remembered of an artifact counts while its three folders of refs are the same and were quiet when they were
read. An artifact that an unfinished transaction touches, or whose refs are damaged, is read every time.
"""

import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import repeat

from pacha.base.errors import Absent, Corrupt, PachaError
from pacha.base.files import Root
from pacha.base.names import KINDS, ArtifactName
from pacha.index.cache import Cache
from pacha.index.segments import split_ids
from pacha.index.stamps import is_quiet, newest_ns, stamp_of
from pacha.refs.names import heads_folder, versions_folder
from pacha.registry.catalog import Catalog, Tagged, read_tagged
from pacha.registry.stages import DEVELOPMENT, YANKED, StageFork

ARTIFACTS = "artifacts"
_NAMESPACES = ("heads", "versions", "stages")
_States = tuple[os.stat_result | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One artifact (`kind/name`). Versions are highest first, `manifests` the ids of each, `moved` the stages of those
    that a move names (None where the log cannot be read). `heads` are newest first. `problems` are what could not be
    read: they are told to the user.
    """

    name: str
    versions: list[str]
    manifests: list[bytes]
    moved: Mapping[str, str] | None
    heads: list[bytes]
    problems: tuple[PachaError, ...] = ()

    def stages(self) -> Iterable[str | None]:
        """The stage of each version; where no move names it, the first one."""
        if self.moved is None:
            return repeat(None, len(self.versions))
        if not self.moved:
            return repeat(DEVELOPMENT, len(self.versions))
        return map(self.moved.get, self.versions, repeat(DEVELOPMENT))

    def latest(self) -> int | None:
        """Which of the versions is the latest, as `Versions.latest` says: stable before prerelease, none that is yanked."""
        moved, prerelease = self.moved or {}, None
        for at, version in enumerate(self.versions):
            if moved.get(version) == YANKED:
                continue
            if "-" not in version.partition("+")[0]:
                return at
            prerelease = at if prerelease is None else prerelease
        return prerelease


class Artifacts:
    """Reads all of them through the cache."""

    def __init__(self, root: Root, cache: Cache, catalog: Catalog, clock: Callable[[], int]) -> None:
        self._root = root
        self._cache = cache
        self._catalog = catalog
        self._clock = clock

    def all(self) -> list[Artifact]:
        """Every artifact with a head or a version, or of which that cannot be said, by kind and name."""
        states = self._states()
        stored = self._cache.all(ARTIFACTS)
        unfinished = self._unfinished()
        found: dict[str, Artifact] = {}
        stale: list[str] = []
        for artifact, folders in states.items():
            value = stored.get(_key(artifact))
            known = None if value is None or artifact in unfinished else self._fresh(artifact, folders, value)
            if known is None:
                stale.append(artifact)
            else:
                found[artifact] = known
        found.update(self._read_all({*stale, *unfinished}, states, unfinished))
        self._forget_gone(stored, states)
        return [found[artifact] for artifact in sorted(found) if _is_any(found[artifact])]

    def one(self, artifact: ArtifactName) -> Artifact:
        """One artifact, which need not exist."""
        name = str(artifact)
        try:
            states = tuple(self._root.stat(f"refs/{namespace}/{name}") for namespace in _NAMESPACES)
        except Corrupt:
            # A link on the way: whoever reads the refs says what is wrong with it.
            return self._read(artifact)[0]
        if name in self._unfinished() or any(state is not None and not stat.S_ISDIR(state.st_mode) for state in states):
            return self._read(artifact)[0]
        value = self._cache.get(ARTIFACTS, _key(name))
        known = None if value is None else self._fresh(name, states, value)
        return known or dict(self._read_all({name}, {name: states}, set()))[name]

    def _states(self) -> dict[str, _States]:
        """The folders of every artifact that has heads or versions, by its name."""
        by_name: dict[str, dict[str, os.stat_result]] = {}
        for namespace in _NAMESPACES:
            for kind in KINDS:
                for name, state in self._root.folder_states(f"refs/{namespace}/{kind}"):
                    by_name.setdefault(f"{kind}/{name}", {})[namespace] = state
        return {
            artifact: tuple(map(states.get, _NAMESPACES))
            for artifact, states in by_name.items()
            if "heads" in states or "versions" in states
        }

    def _unfinished(self) -> set[str]:
        """The artifacts that a dead process's transaction touches."""
        overlay = self._catalog.refs.overlay
        names = [name.text.split("/") for name in (*overlay.created, *overlay.removed)]
        return {f"{parts[2]}/{parts[3]}" for parts in names if parts[1] in _NAMESPACES and len(parts) > 3}

    def _fresh(self, artifact: str, folders: _States, value: bytes) -> Artifact | None:
        stamp, versions, manifests, moved, heads = json.loads(value)
        if stamp != _stamp(folders):
            return None
        return Artifact(
            name=artifact,
            versions=versions.split(),
            manifests=split_ids(bytes.fromhex(manifests)),
            moved=moved,
            heads=split_ids(bytes.fromhex(heads)),
        )

    def _read_all(
        self, artifacts: set[str], states: Mapping[str, _States], unfinished: set[str]
    ) -> Iterator[tuple[str, Artifact]]:
        seen_ns = self._clock() if artifacts else 0
        new: dict[bytes, bytes] = {}
        for artifact in sorted(artifacts):
            try:
                name = ArtifactName.parse(artifact)
            except PachaError:
                # An alien folder, which no list shows.
                continue
            known, may_keep = self._read(name)
            folders = states.get(artifact, ())
            if may_keep and artifact not in unfinished and is_quiet(seen_ns, newest_ns(folders)):
                new[_key(artifact)] = _row(known, folders)
            yield artifact, known
        if new:
            self._cache.put_many(ARTIFACTS, new)

    def _forget_gone(self, stored: Mapping[bytes, bytes], states: Mapping[str, _States]) -> None:
        here = set(map(_key, states))
        gone = {key for key in stored if key not in here}
        if gone:
            self._cache.change({}, drop={ARTIFACTS: gone})

    # -- reading one -----------------------------------------------------------------------------------------------

    def _read(self, artifact: ArtifactName) -> tuple[Artifact, bool]:
        """Where an artifact stands right now, and whether that depends on nothing but its folders of refs."""
        problems: list[PachaError] = []
        tagged = self._tagged(artifact, problems)
        moved: Mapping[str, str] | None = None
        try:
            moved = self._catalog.stages(artifact).stages()
        except (StageFork, Corrupt, Absent) as error:
            problems.append(error)
        heads: list[bytes] = []
        try:
            heads = [id.raw for id in self._catalog.heads(artifact)]
        except (Corrupt, Absent) as error:
            problems.append(error)
        # Which of several is a head depends on manifests that may come or go.
        has_one_ref = len(self._catalog.refs.names(heads_folder(artifact))) <= 1
        known = Artifact(
            name=str(artifact),
            versions=[str(item.version) for item in reversed(tagged)],
            manifests=[item.manifest.raw for item in reversed(tagged)],
            moved=moved,
            heads=heads,
            problems=tuple(problems),
        )
        return known, has_one_ref and not problems

    def _tagged(self, artifact: ArtifactName, problems: list[PachaError]) -> list[Tagged]:
        try:
            return list(self._catalog.tagged(artifact))
        except (Corrupt, Absent):
            pass
        found = []
        refs = self._catalog.refs
        for name in refs.names(versions_folder(artifact)):
            try:
                link = refs.read(name)
                if link is not None:
                    found.append(read_tagged(self._catalog.objects, name, link))
            except (Corrupt, Absent) as error:
                problems.append(error)
        return sorted(found)


def _is_any(known: Artifact) -> bool:
    return bool(known.versions or known.heads or known.problems)


def _key(artifact: str) -> bytes:
    """Ends in NUL, so that no key begins another."""
    return artifact.encode("utf-8", "surrogateescape") + b"\0"


def _stamp(folders: _States) -> str:
    return " ".join(map(stamp_of, folders))


def _row(known: Artifact, folders: _States) -> bytes:
    versions, manifests, heads = " ".join(known.versions), b"".join(known.manifests), b"".join(known.heads)
    row = [_stamp(folders), versions, manifests.hex(), known.moved, heads.hex()]
    return json.dumps(row, separators=(",", ":")).encode("ascii")
