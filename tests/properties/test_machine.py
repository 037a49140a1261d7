"""Random days: any order of commands agrees with a plain model, while the index is deleted, damaged and made stale."""

import os
import random
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pacha.base.semver import Version
from tests.conftest import Project

NAMES = ("alpha", "beta")
CONTENTS = st.integers(0, 6)


def bytes_of(number: int) -> bytes:
    """A few contents that come again and again; some are cut into chunks."""
    return b"a,b\n" + b"%d,1\n" % number * (1 if number % 3 else 60_000)


class Day(RuleBasedStateMachine):
    """The model: per artifact the list of committed contents, the versions, the draft and the file."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.project = Project(self.folder)
        self.project("init")
        self.history: dict[str, list[int]] = {name: [] for name in NAMES}
        self.tags: dict[str, dict[str, int]] = {name: {} for name in NAMES}
        self.drafts: dict[str, int] = {}
        self.files: dict[str, int] = {}

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @rule(name=st.sampled_from(NAMES), content=CONTENTS)
    def write(self, name: str, content: int) -> None:
        self.project.write(f"{name}.csv", bytes_of(content))
        self.files[name] = content

    @precondition(lambda self: self.files)
    @rule(data=st.data())
    def add(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.files)))
        self.project("add", f"{name}.csv")
        self.drafts.pop(name, None)
        if self.history[name][-1:] != [self.files[name]]:
            self.drafts[name] = self.files[name]

    @rule()
    def commit(self) -> None:
        self.project("commit", "-m", "x", code=0 if self.drafts else 1)
        for name, content in self.drafts.items():
            self.history[name].append(content)
        self.drafts.clear()

    @rule()
    def reset(self) -> None:
        self.project("reset", code=0 if self.drafts else 1)
        self.drafts.clear()

    @rule(name=st.sampled_from(NAMES), version=st.sampled_from(["1.0.0", "1.1.0", "2.0.0-rc.1", "10.0.0"]))
    def tag(self, name: str, version: str) -> None:
        if not self.history[name]:
            self.project("tag", name, version, code=3)
            return
        last = len(self.history[name]) - 1
        taken = self.tags[name].get(version, last) != last
        self.project("tag", name, version, code=4 if taken else 0)
        self.tags[name].setdefault(version, last)

    @rule(name=st.sampled_from(NAMES))
    def checkout(self, name: str) -> None:
        if self.history[name]:
            self.project("checkout", f"{name}:head", "--force")
            self.files[name] = self.history[name][-1]

    @rule(damage=st.sampled_from(["delete", "truncate", "flip", "other", "folder"]), seed=st.integers(0, 99))
    def hurt_the_index(self, damage: str, seed: int) -> None:
        path = self.folder / ".pacha/local/index.sqlite"
        if path.is_dir():
            path.rmdir()
        if not path.exists():
            return
        data = bytearray(path.read_bytes())
        for suffix in ("-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
        if damage == "delete":
            path.unlink()
        elif damage == "truncate":
            path.write_bytes(bytes(data[: len(data) // 2]))
        elif damage == "flip":
            coin = random.Random(seed)
            for _ in range(200):
                data[coin.randrange(len(data))] ^= 1 << coin.randrange(8)
            path.write_bytes(bytes(data))
        elif damage == "other":
            path.write_bytes(b"not a database at all")
        else:
            path.unlink()
            path.mkdir()

    @rule()
    def gc(self) -> None:
        self.project("gc", "--prune=now")

    @rule()
    def reindex(self) -> None:
        self.project("reindex")

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        rows = {row["artifact"].split("/")[1]: row for row in self.project("list", "--json").data}
        for name in NAMES:
            if not self.history[name]:
                assert name not in rows
                continue
            assert len(rows[name]["heads"]) == 1
            assert len(self.project("log", name, "--json").data) == len(self.history[name])
            listed = [row["version"] for row in self.project("list", name, "--json").data]
            assert listed == sorted(self.tags[name], key=Version.parse, reverse=True)
        staged = {
            item["artifact"].split("/")[1] for item in self.project("status", "--json").data["paths"] if item["staged"]
        }
        assert staged == set(self.drafts)

    @precondition(lambda self: any(self.tags.values()))
    @rule(data=st.data())
    def read_an_old_version(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from([name for name in NAMES if self.tags[name]]))
        version = data.draw(st.sampled_from(sorted(self.tags[name])))
        wanted = bytes_of(self.history[name][self.tags[name][version]])
        assert self.project("cat", f"{name}:{version}").raw == wanted

    @rule()
    def check(self) -> None:
        self.project("fsck")


TestDay = Day.TestCase
TestDay.settings = settings(
    max_examples=int(os.environ.get("PACHA_SOAK", "12")),
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
