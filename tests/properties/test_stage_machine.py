"""Random promotions, rollbacks, yanks, forks and settlements agree with a plain model of stages."""

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pacha.base.errors import PachaError
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.porcelain.stage import (
    CannotReturn,
    MoveOptions,
    NoReason,
    NothingBefore,
    StageMoved,
    rollback,
    stage,
    yank,
)
from pacha.porcelain.stage_report import history, holders, holders_at
from pacha.registry.stage_rules import InvalidTransition
from pacha.registry.stages import DiskStages, read_stage_log
from tests.conftest import Project

ROWS = ArtifactName("data", "rows")
VERSIONS = ("1.0.0", "1.1.0", "1.2.0", "2.0.0-rc.1")
STAGES = ("development", "staging", "production", "archived")
ALLOWED = {
    "development": {"staging", "archived"},
    "staging": {"development", "production", "archived"},
    "production": {"staging", "archived"},
    "archived": {"development"},
    "yanked": {"development"},
}


class Stages(RuleBasedStateMachine):
    """The model: the stage of each version, the promotions that stand, and every state with the minute it began."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.main = Project(self.folder / "main")
        self.main.path.mkdir()
        self.main("init")
        for number, version in enumerate(VERSIONS):
            self.main.commit("rows.csv", f"a,b\n{number},1\n", "--tag", version)
        self.branch = Project(self.folder / "branch")
        self.at = dict.fromkeys(VERSIONS, "development")
        self.stack: list[str] = []
        self.moves = 0
        self.minute = 0
        self.past: list[tuple[str, dict[str, str]]] = []

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def options(self, reason: str = "because") -> MoveOptions:
        self.minute += 1
        when = f"2026-03-{1 + self.minute // 1440:02d}T{self.minute // 60 % 24:02d}:{self.minute % 60:02d}:00Z"
        return MoveOptions(who="Ada <ada@example.org>", when=when, reason=reason)

    def note(self, moved: StageMoved, options: MoveOptions) -> None:
        """Does in the model what the move says."""
        assert moved.is_new and moved.from_stage == self.at[str(moved.version)]
        displaced = {str(item.version): item.to_stage for item in moved.displaced}
        held = {version for version, at in self.at.items() if at == "production"}
        assert displaced == (dict.fromkeys(held, "staging") if moved.to_stage == "production" else {})
        self.at.update(displaced)
        self.at[str(moved.version)] = moved.to_stage
        self.moves += 1
        assert moved.number == self.moves
        self.past.append((options.when, dict(self.at)))

    @rule(version=st.sampled_from(VERSIONS), to=st.sampled_from(STAGES), reason=st.sampled_from(["", "because"]))
    def move(self, version: str, to: str, reason: str) -> None:
        options, before = self.options(reason), self.at[version]
        try:
            moved = stage(self.main.workspace(), ROWS, Version.parse(version), to, options)
        except InvalidTransition:
            assert to != before and to not in ALLOWED[before]
            return
        except NoReason:
            assert not reason and before == "yanked"
            return
        if not moved.is_new:
            assert to == before
            return
        assert to in ALLOWED[before]
        self.note(moved, options)
        if to == "production":
            self.stack.append(version)

    @rule()
    def roll_back(self) -> None:
        options = self.options()
        last = self.stack[-1] if self.stack else None
        target = next((version for version in reversed(self.stack) if version != last), None)
        try:
            moved = rollback(self.main.workspace(), ROWS, options)
        except NothingBefore:
            assert target is None
            return
        except CannotReturn:
            assert target is not None and "production" not in ALLOWED[self.at[target]]
            return
        assert target == str(moved.version)
        self.note(moved, options)
        while self.stack[-1] == last:
            self.stack.pop()

    @rule(version=st.sampled_from(VERSIONS))
    def yank(self, version: str) -> None:
        options, before = self.options(), self.at[version]
        moved = yank(self.main.workspace(), ROWS, Version.parse(version), options)
        if before != "yanked":
            self.note(moved, options)
            assert moved.emptied == ("production" if before == "production" else None)

    @precondition(lambda self: self.moves)
    @rule(data=st.data(), count=st.integers(1, 3), keeps_ours=st.booleans(), marks=st.booleans())
    def fork_and_settle(self, data: st.DataObject, count: int, keeps_ours: bool, marks: bool) -> None:
        """Both sides move on, one takes the other in as Git would, and one chain is kept."""
        shutil.rmtree(self.branch.path, ignore_errors=True)
        shutil.copytree(self.main.path, self.branch.path)
        ends = []
        for project in (self.main, self.branch):
            for _ in range(count):
                version, to = data.draw(st.sampled_from(VERSIONS)), data.draw(st.sampled_from(STAGES))
                try:
                    stage(project.workspace(), ROWS, Version.parse(version), to, self.options())
                except PachaError:
                    continue
            log = history(project.workspace(), ROWS)
            ends.append(log[0])
        self.take_in(marks)
        # Where a person took the other side of every entry, theirs is the whole log, and nothing is to be settled.
        if self.main("resolve", code=None).code == 4:
            kept = ends[0 if keeps_ours else 1]
            self.main("stage", "rows", code=4)
            self.main("resolve", "rows", "--keep", f"move:{kept.move}")
        assert self.main("resolve").out == "nothing is unsettled\n"
        self.learn()

    def take_in(self, marks: bool) -> None:
        """Brings the branch's files over; where both sides wrote one, markers or the branch's side."""
        for path in sorted((self.branch.path / ".pacha").rglob("*")):
            inside = path.relative_to(self.branch.path)
            target = self.main.path / inside
            if path.is_dir() or not {"objects", "refs"} & set(inside.parts) or "pack" in inside.parts:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            theirs, ours = path.read_text(), target.read_text() if target.exists() else None
            if marks and ours not in (None, theirs):
                target.write_text(f"<<<<<<< HEAD\n{ours}=======\n{theirs}>>>>>>> branch\n")
            elif ours is None or "stages" in inside.parts:
                target.write_text(theirs)

    def learn(self) -> None:
        """Takes the model from what the settled log says, move by move."""
        log = list(reversed(history(self.main.workspace(), ROWS)))
        self.at = dict.fromkeys(VERSIONS, "development")
        self.stack = []
        ids: list[str] = []
        for entry in log:
            version = str(entry.version)
            assert entry.from_stage == self.at[version]
            came = entry.to_stage == "production" != entry.from_stage
            for item in entry.displaced:
                assert self.at[str(item.version)] == entry.to_stage
                self.at[str(item.version)] = item.to_stage
            self.at[version] = entry.to_stage
            if not came:
                continue
            if entry.rolls_back is not None and entry.rolls_back.hex in ids:
                at = ids.index(entry.rolls_back.hex)
                del ids[at:], self.stack[at:]
                if self.stack and self.stack[-1] == version:
                    continue
            ids.append(entry.move.hex)
            self.stack.append(version)
        self.moves = len(log)
        self.past = []

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        workspace = self.main.workspace()
        refs, objects = workspace.repository.refs, workspace.repository.objects
        log = read_stage_log(refs, objects, ROWS)
        assert [entry.move.number for entry in log.entries] == list(range(1, self.moves + 1))
        state = workspace.catalog.stages(ROWS)
        assert state == DiskStages(refs, objects).stages(ROWS)
        assert {version: state.stage(version) for version in VERSIONS} == self.at
        assert list(self.at.values()).count("production") <= 1
        now = {(item.stage, item.version) for item in holders(workspace, ROWS).holders}
        assert now == {(at, version) for version, at in self.at.items() if at != "development"}
        stable = [version for version in VERSIONS[:3] if self.at[version] != "yanked"]
        latest = workspace.catalog.latest(ROWS)
        wanted = stable[-1] if stable else None if self.at["2.0.0-rc.1"] == "yanked" else "2.0.0-rc.1"
        assert (None if latest is None else str(latest.version)) == wanted
        workspace.close()

    @precondition(lambda self: self.past)
    @rule(data=st.data())
    def what_was(self, data: st.DataObject) -> None:
        when, at = data.draw(st.sampled_from(self.past))
        found = holders_at(self.main.workspace(), when, artifact=ROWS)
        assert {(item.stage, item.version) for item in found.holders} == {
            (stage, version) for version, stage in at.items() if stage != "development"
        }

    @rule()
    def check(self) -> None:
        assert self.main("fsck", "--json").data["problems"] == []


TestStages = Stages.TestCase
TestStages.settings = settings(
    max_examples=int(os.environ.get("PACHA_SOAK", "12")),
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
