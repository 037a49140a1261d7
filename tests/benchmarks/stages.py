"""Benchmark of an artifact of 10,000 versions, each of which was moved."""

import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pacha.base import files
from pacha.base.files import Durability, Root
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.objects.move import Move
from pacha.porcelain.list import list_versions
from pacha.porcelain.stage import MoveOptions, rollback, stage
from pacha.porcelain.stage_report import history, holders_at
from pacha.porcelain.workspace import Workspace
from pacha.refs.names import stage_ref
from tests.benchmarks.many import VERSIONS, _write_history, open_in, project_in
from tests.benchmarks.measure import ROUNDS, Row

ROWS = ArtifactName("data", "rows")


def stages(folder: Path) -> Iterator[Row]:
    """An artifact of 10,000 versions and 10,000 moves, in process, a workspace opened anew each time."""
    project = project_in(folder)
    _write_history(project)
    _write_moves(project)
    cold = _once(project, lambda workspace: workspace.catalog.stages(ROWS))
    time.sleep(3)
    _once(project, lambda workspace: workspace.catalog.latest(ROWS))
    share = statistics.median(_share(project) for _ in range(ROUNDS))
    yield Row("stages beside a list of 10,000 versions", f"{share:.1%} of its time", "≤ 10 %", share <= 0.1)
    latest = _median(project, lambda workspace: workspace.catalog.latest(ROWS))
    yield Row("name:latest, passing yanked ones by", f"{latest * 1000:.0f} ms", "≤ 100 ms", latest <= 0.1)
    yield Row("the stages read anew, without the index", f"{cold:.2f} s", "(no limit)", True)
    numbers = itertools.count(1)
    taken = _median(project, lambda workspace: _promote(workspace, next(numbers)))
    yield Row("a promotion", f"{taken * 1000:.0f} ms", "≤ 500 ms", taken <= 0.5)
    told = _median(project, lambda workspace: history(workspace, ROWS))
    yield Row("history of 10,000 moves", f"{told:.2f} s", "≤ 2 s", told <= 2)
    held = _median(project, lambda workspace: holders_at(workspace, "2026-03"))
    yield Row("who held what in a month", f"{held:.2f} s", "≤ 2 s", held <= 2)
    _once(project, lambda workspace: _promote(workspace, next(numbers)))
    back = _median(project, lambda workspace: rollback(workspace, ROWS, _options()))
    yield Row("a rollback", f"{back:.2f} s", "≤ 2 s", back <= 2)


def _share(project: Path) -> float:
    """What of the time of a list goes into stages, in the same round."""
    listed = _once(project, lambda workspace: list_versions(workspace, ROWS))
    return _once(project, lambda workspace: workspace.catalog.stages(ROWS)) / listed


def _options() -> MoveOptions:
    return MoveOptions(who="Ada <ada@example.org>", when="2026-03-04T12:00:00Z", reason="because")


def _promote(workspace: Workspace, number: int) -> None:
    stage(workspace, ROWS, Version(number, 0, 0), "production", _options())


def _once(project: Path, work: Callable[[Workspace], object]) -> float:
    workspace = open_in(project)
    try:
        started = time.perf_counter()
        work(workspace)
        return time.perf_counter() - started
    finally:
        workspace.close()


def _median(project: Path, work: Callable[[Workspace], object]) -> float:
    return statistics.median(_once(project, work) for _ in range(ROUNDS))


def _write_moves(project: Path) -> None:
    """Every version goes to staging."""
    workspace = open_in(project)
    root = Root(workspace.repository.root.path, durability=Durability.NONE)
    before: ObjectId | None = None
    for number in range(1, VERSIONS + 1):
        batch = files.Batch(root)
        move = Move(
            artifact=ROWS, version=Version(number, 0, 0), from_stage="development", to_stage="staging", reason="because",
            who="Ada <ada@example.org>", when="2026-03-03T12:00:00Z", nonce=f"{number:032x}", number=number, prev=before,
        )  # fmt: skip
        link = workspace.repository.objects.put_meta(batch, "move", move)
        batch.barrier()
        root.create(stage_ref(ROWS, number).text, f"{link}\n".encode())
        before = link.id
    workspace.close()
