"""Whatever storage call fails, the error is one clear line, nothing is lost, and trying again succeeds."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import run_here
from tests.crash.disk import Disk
from tests.crash.test_crash_points import SCENARIOS, Bench

NUMBERS = (errno.ENOSPC, errno.EIO)


class FailingDisk(Disk):
    """Fails one call, or that and all after it; clean-up goes on as it does in life."""

    number = errno.EIO
    is_sticky = False

    def _call(self, name: str) -> None:
        self.calls += 1
        self.log.append(name)
        due = self.stop_at is not None and (
            self.calls >= self.stop_at if self.is_sticky else self.calls == self.stop_at
        )
        # What frees space does not fail for want of it.
        if due and not (self.number == errno.ENOSPC and name in ("unlink", "rmdir", "ftruncate", "fsync")):
            raise OSError(self.number, os.strerror(self.number))

    def _bury(self, path: Any, dir_fd: int | None) -> None:
        """No inode needs to be kept here."""


@pytest.mark.parametrize("is_sticky", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("name", ["add", "commit with a version", "tag", "gc", "repack"])
def test_a_failing_call_costs_nothing(
    name: str, is_sticky: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACHA_JOBS", "1")
    bench = Bench(SCENARIOS[name], tmp_path, monkeypatch)
    calls = bench.run(None)[0].calls
    bad = []
    for number in NUMBERS:
        for stop_at in range(1, calls + 1):
            bench.restore()
            files = {path.name: path.read_bytes() for path in bench.path.glob("*.csv")}
            disk = FailingDisk(bench.path, tmp_path / "graves")
            disk.stop_at, disk.number, disk.is_sticky = stop_at, number, is_sticky
            with monkeypatch.context() as patch:
                disk.install(patch)
                answer = run_here(["-C", str(bench.path), *bench.scenario.words])
            where = f"{os.strerror(number)} at call {stop_at} ({disk.log[stop_at - 1]})"
            if answer.code not in (0, 10):
                bad.append(f"{where}: {answer.code} {answer.err}")
            if "Traceback" in answer.err or (answer.code == 10 and answer.err.count("error: ") != 1):
                bad.append(f"{where}: not one line: {answer.err}")
            if files != {path.name: path.read_bytes() for path in bench.path.glob("*.csv")}:
                bad.append(f"{where}: a user's file has changed")
            after = bench.scenario.after(bench.project)
            # A version that is linked and whose folder then cannot be flushed is reported, and may be there.
            is_doubtful = answer.code == 10 and number == errno.EIO and name in ("commit with a version", "tag")
            if after != (bench.done if answer.code == 0 else bench.before) and not (
                is_doubtful and after == bench.done
            ):
                bad.append(f"{where}: {answer.code}, and that is not what happened")
            fsck = run_here(["-C", str(bench.path), "fsck"])
            if fsck.code != 0:
                bad.append(f"{where}: {fsck.out}")
            again = run_here(["-C", str(bench.path), *bench.scenario.words])
            if again.code != 0 and bench.scenario.after(bench.project) != bench.done:
                bad.append(f"{where}: again: {again.code} {again.err}")
    assert bad == []
