"""The part of fsck that reads stage logs as a story: whether each move fits what came before it."""

from collections.abc import Iterator

from pacha.base.errors import Absent, Corrupt, PachaError
from pacha.objects.types import Link
from pacha.porcelain.problems import Problem, problem
from pacha.porcelain.workspace import Workspace
from pacha.refs.names import stage_ref, version_ref
from pacha.registry.stage_rules import BUILT_IN, BadStageRules, StageRules
from pacha.registry.stages import (
    DEVELOPMENT,
    YANKED,
    Entry,
    StageFork,
    StageLog,
    moved_by,
    read_stage_log,
    staged_artifacts,
)


def check_stages(workspace: Workspace) -> Iterator[Problem]:
    """The rules themselves, then every log that is one chain; what is wrong with the others is told where refs are."""
    rules = BUILT_IN
    try:
        rules = workspace.rules
    except BadStageRules as error:
        yield problem("badStageRules", error.message, path=str(error.nouns["path"]))
    repository = workspace.repository
    for artifact in staged_artifacts(repository.refs):
        try:
            log = read_stage_log(repository.refs, repository.objects, artifact)
        except (StageFork, Corrupt, Absent):
            continue
        yield from _check_moves(workspace, log)
        yield from _check_end(workspace, log, rules)


def _check_moves(workspace: Workspace, log: StageLog) -> Iterator[Problem]:
    stages: dict[str, str] = {}
    for entry in log.entries:
        move = entry.move
        path = workspace.repository.root.full(stage_ref(log.artifact, move.number).text)
        here = stages.get(str(move.version), DEVELOPMENT)
        if here != move.from_stage:
            text = f"{path}: moves {move.version} from {move.from_stage}, and it was in {here}"
            yield problem("moveFrom", text, path=path, object=_link(entry))
        for item in move.displaced:
            held = stages.get(str(item.version), DEVELOPMENT)
            if held != move.to_stage:
                text = f"{path}: displaces {item.version} from {move.to_stage}, and it was in {held}"
                yield problem("moveDisplaced", text, path=path, object=_link(entry))
        for version, stage in moved_by(move):
            if version not in stages and not _has_version(workspace, entry, version):
                text = f"{path}: moves {version}, which is no version of {log.artifact} here"
                yield problem("moveVersion", text, path=path, object=_link(entry))
            stages[version] = stage


def _has_version(workspace: Workspace, entry: Entry, version: str) -> bool:
    versions = (entry.move.version, *(item.version for item in entry.move.displaced))
    found = next(item for item in versions if str(item) == version)
    try:
        return workspace.repository.refs.read(version_ref(entry.move.artifact, found)) is not None
    except PachaError:
        # A damaged ref is reported as one.
        return True


def _check_end(workspace: Workspace, log: StageLog, rules: StageRules) -> Iterator[Problem]:
    if not log.entries:
        return
    end = log.entries[-1]
    path = workspace.repository.root.full(stage_ref(log.artifact, end.move.number).text)
    state = log.state()
    for stage in sorted(rules.exclusive):
        holders = state.holders(stage)
        if len(holders) > 1:
            text = f"{path}: {stage} of {log.artifact} is held by {' and '.join(holders)}"
            yield problem("stageTwice", text, path=path, object=_link(end))
    for stage in sorted(set(state.stages().values()) - {*rules.stages, YANKED}):
        text = f"{path}: {', '.join(state.holders(stage))} of {log.artifact} in {stage}, which is no stage here"
        yield problem("stageUnknown", text, path=path, object=_link(end))


def _link(entry: Entry) -> Link:
    return Link("move", entry.id)
