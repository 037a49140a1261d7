"""Where versions stand, remembered: what `DiskStages` answers, without reading every move again.

A stage folder's listing is trusted as a version folder's is: while the folder is the same and was quiet for two seconds
when it was read. After a change only files that changed are read, and the whole chain is checked again.
"""

import json
import os

from pacha.base.files import Root
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.index.cache import Cache
from pacha.refs.names import RefName, stages_folder
from pacha.refs.store import RefStore
from pacha.registry.stages import (
    DiskStages,
    StageState,
    Standing,
    Step,
    check_chain,
    read_entry,
    state_of,
    step_of,
)
from pacha.store.objects import Objects

#: A folder that changed less than this before it was read may change again within the same tick of its clock.
QUIET_NS = 2_000_000_000
#: The entries lie under a key of their own: they are wanted only when the folder has changed.
_ENTRIES = b"#entries"


class StageIndex:
    """The remembered stage logs of one repository, in one table of its cache."""

    def __init__(self, refs: RefStore, objects: Objects, table: str) -> None:
        self._refs = refs
        self._objects = objects
        self._table = table

    def stages(self, artifact: ArtifactName, cache: Cache, clock: Root | None) -> StageState:
        """Where the versions of an artifact stand. `clock` is where the file system's time can be asked, if anywhere.

        Errors: as `read_stage_log`.
        """
        folder = stages_folder(artifact)
        if any(name.folder == folder for name in (*self._refs.overlay.created, *self._refs.overlay.removed)):
            return DiskStages(self._refs, self._objects).stages(artifact)
        state = self._refs.root.stat(folder)
        if state is None:
            return StageState()
        stamp, key = f"{state.st_ino} {state.st_mtime_ns} {state.st_ctime_ns}", folder.encode("ascii")
        stored = cache.get(self._table, key)
        if stored is not None:
            known_stamp, seen, rows, number, last = json.loads(stored)
            if known_stamp == stamp and seen >= state.st_mtime_ns + QUIET_NS:
                return _state(rows, number, last)
        known = cache.get(self._table, key + _ENTRIES)
        steps = self._read(artifact, folder, json.loads(known) if known is not None else {})
        check_chain(artifact, [step for _, step in steps])
        found = state_of(step for _, step in steps)
        if clock is not None:
            entries = {step.id.hex: _row(stamped, step) for stamped, step in steps}
            cache.put_many(
                self._table,
                {key: _encode([stamp, clock.clock_ns(), *_parts(found)]), key + _ENTRIES: _encode(entries)},
            )
        return found

    def _read(self, artifact: ArtifactName, folder: str, known: dict[str, list[object]]) -> list[tuple[str, Step]]:
        """Every entry with the stamp of its file, in order. `known` are rows by the file's stamp."""
        states = dict(self._refs.root.list_states(folder))
        by_stamp = {str(row[0]): (id, row) for id, row in known.items()}
        found: list[tuple[str, Step]] = []
        for name in self._refs.names(folder):
            if name.last not in states:
                # A link or a pipe: the reader of refs says what is wrong with it.
                self._refs.read(name)
                continue
            stamp = _stamp(name.last, states[name.last])
            if stamp in by_stamp:
                found.append((stamp, _step(*by_stamp[stamp])))
                continue
            step = self._step(artifact, name)
            if step is not None:
                found.append((stamp, step))
        return found

    def _step(self, artifact: ArtifactName, name: RefName) -> Step | None:
        link = self._refs.read(name)
        return None if link is None else step_of(read_entry(self._objects, artifact, name, link))


def _stamp(name: str, state: os.stat_result) -> str:
    return f"{name} {state.st_ino} {state.st_mtime_ns} {state.st_ctime_ns} {state.st_size}"


def _row(stamp: str, step: Step) -> list[object]:
    return [stamp, None if step.prev is None else step.prev.hex, step.number, step.moved]


def _step(id: str, row: list[object]) -> Step:
    _, prev, number, moved = row
    assert isinstance(number, int) and isinstance(moved, list)
    return Step(
        id=ObjectId.parse(id),
        prev=None if prev is None else ObjectId.parse(str(prev)),
        number=number,
        moved=tuple((str(version), str(stage)) for version, stage in moved),
    )


def _parts(state: StageState) -> list[object]:
    rows = [[version, item.stage, item.number] for version, item in state.versions.items()]
    return [rows, state.number, None if state.last is None else state.last.hex]


def _state(rows: list[tuple[str, str, int]], number: int, last: str | None) -> StageState:
    return StageState(
        number=number,
        last=None if last is None else ObjectId.parse(last),
        versions={version: Standing(stage=stage, number=at) for version, stage, at in rows},
    )


def _encode(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")
