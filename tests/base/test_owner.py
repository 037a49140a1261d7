"""Whether the process that wrote something still runs."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pacha.base.owner import Owner

ROOT = Path(__file__).parents[2]
ASKED = """
import json, sys
from pacha.base.owner import Owner
print(json.dumps(Owner.current().to_json()), flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="nothing here tells a zombie")
def test_a_killed_process_that_its_parent_never_asks_for_is_dead() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", ASKED], env={"PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    owner = Owner.from_json(json.loads(process.stdout.readline()))
    assert owner is not None and owner.pid == process.pid
    assert owner.is_alive(idle_seconds=0)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not owner.is_alive(idle_seconds=0)
    process.communicate()
    assert not owner.is_alive(idle_seconds=0)


def test_another_process_of_the_same_number_is_not_the_owner() -> None:
    owner = Owner.current()
    assert owner.is_alive(idle_seconds=0)
    assert not replace(owner, started=owner.started + 1).is_alive(idle_seconds=0)
    assert not replace(owner, boot="another").is_alive(idle_seconds=0)


def test_a_process_of_another_machine_counts_by_its_last_sign_of_life() -> None:
    owner = replace(Owner.current(), host="elsewhere")
    assert owner.is_alive(idle_seconds=60) and not owner.is_alive(idle_seconds=3600)
