"""Moving stages: what is allowed, who gives way, who is told, and that a race is lost openly."""

import subprocess
import sys
from pathlib import Path

import pytest

from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.porcelain import stage as stages
from pacha.porcelain.stage import LostStageRace, MoveOptions, StageMoved, rollback, stage
from pacha.registry.catalog import Catalog
from pacha.registry.stages import StageLog, read_stage_log
from tests.conftest import Project

ROOT = Path(__file__).parents[2]
ROWS = ArtifactName("data", "rows")
BOB = MoveOptions(who="Bob <bob@example.org>", when="2026-03-03T12:00:00Z", reason="Bob says so")
ADA = MoveOptions(who="Ada <ada@example.org>", when="2026-03-03T12:05:00Z", reason="Ada says so")
CONFIG = """
[stages]
names = ["development", "canary", "ready", "production", "retired"]
exclusive = ["canary", "production"]
reasons = ["production"]
[stages.transitions]
development = ["canary"]
canary = ["development", "ready", "production"]
ready = ["production"]
production = ["canary", "ready", "retired"]
retired = []
[stages.aliases]
live = "production"
"""


@pytest.fixture
def versions(project: Project) -> Project:
    """A project with four versions, one of them a prerelease."""
    for number, version in enumerate(("1.0.0", "1.1.0", "1.2.0", "2.0.0-rc.1")):
        project.commit("rows.csv", f"a,b\n{number},1\n", "--tag", version)
    return project


def promote(project: Project, version: str) -> None:
    project("stage", f"rows:{version}", "staging")
    project("stage", f"rows:{version}", "production", "--reason", "good")


def stages_of(project: Project) -> dict[str, str | None]:
    return {row["version"]: row["stage"] for row in project("list", "rows", "--json").data}


def test_the_holder_of_production_goes_to_staging_in_the_same_move(versions: Project) -> None:
    promote(versions, "1.0.0")
    promote(versions, "1.1.0")
    entry = versions("stage", "rows", "--history", "--json").data[0]
    assert entry["displaced"] == [{"version": "1.0.0", "to_stage": "staging"}] and entry["number"] == 4
    assert stages_of(versions) == {
        "1.0.0": "staging",
        "1.1.0": "production",
        "1.2.0": "development",
        "2.0.0-rc.1": "development",
    }
    assert versions("rev-parse", "rows:prod").out == versions("rev-parse", "rows:1.1.0").out


def test_a_rollback_tells_the_state_in_one_line(versions: Project) -> None:
    promote(versions, "1.0.0")
    promote(versions, "1.1.0")
    answer = versions("stage", "rows", "production", "--rollback", "--reason", "alarms")
    assert answer.out == "production: 1.1.0 → 1.0.0 (1.1.0 now staging)\n"
    entries = versions("stage", "rows", "--history", "--json").data
    assert entries[0]["rolls_back"] == entries[1]["move"] and entries[0]["reason"] == "alarms"
    assert "nothing to return to" in versions("stage", "rows", "--rollback", "--reason", "x", code=1).err


def test_a_rollback_to_what_has_gone_elsewhere_is_refused_with_the_way_out(versions: Project) -> None:
    promote(versions, "1.0.0")
    promote(versions, "1.1.0")
    versions("stage", "rows:1.0.0", "yanked", "--reason", "leak")
    answer = versions("stage", "rows", "--rollback", "--reason", "x", code=1)
    assert "is now yanked" in answer.err and "choose another" in answer.err
    assert stages_of(versions)["1.1.0"] == "production"


def test_the_same_stage_again_is_no_move(versions: Project) -> None:
    promote(versions, "1.0.0")
    answer = versions("stage", "rows:1.0.0", "PROD", "--reason", "again")
    assert answer.out.startswith("rows:1.0.0 is in production already since ") and "Ada" in answer.out
    assert len(versions("stage", "rows", "--history", "--json").data) == 2
    assert versions("stage", "rows:1.2.0", "dev").out == "rows:1.2.0 is in development already\n"


def test_a_yanked_version_is_passed_by_and_still_had_by_its_name(versions: Project) -> None:
    versions("stage", "rows:1.2.0", "yanked", "--reason", "trained on leaked labels")
    ids = {version: versions("rev-parse", f"rows:{version}").out for version in ("1.1.0", "1.2.0")}
    assert versions("rev-parse", "rows:latest").out == versions("rev-parse", "rows:1").out == ids["1.1.0"]
    assert ids["1.2.0"] != ids["1.1.0"]
    assert "yanked by Ada" in versions("show", "rows:1.2.0").err
    assert "leaked labels" in versions("cat", "rows:1.2.0").err
    assert "1.2.0" in versions("show", "rows:1.2", code=3).err
    assert versions("list", "--json").data[0]["latest"] == "1.1.0"
    # Its name stays taken, so the next one is counted from it.
    assert versions("tag", "rows", "minor", "--at", "rows~1", "--json").data["version"] == "1.3.0"
    assert "wants a reason" in versions("stage", "rows:1.2.0", "development", code=2).err
    versions("stage", "rows:1.2.0", "development", "--reason", "the labels were fine")
    assert versions("rev-parse", "rows:1.2").out == ids["1.2.0"]


def test_where_every_version_is_yanked_that_is_said(versions: Project) -> None:
    for version in ("1.0.0", "1.1.0", "1.2.0", "2.0.0-rc.1"):
        versions("stage", f"rows:{version}", "yanked", "--reason", "all bad")
    answer = versions("show", "rows:latest", code=3)
    assert "not yanked" in answer.err and "rows:2.0.0-rc.1" in answer.err


def test_yanking_what_is_in_production_says_that_nothing_is_there_now(versions: Project) -> None:
    promote(versions, "1.0.0")
    promote(versions, "1.1.0")
    answer = versions("stage", "rows:1.1.0", "yanked", "--reason", "bad")
    assert "production: 1.1.0 → none" in answer.out and "nothing is in production now" in answer.err
    assert versions("show", "rows:production", code=3).err
    assert versions("stage", "rows", "--rollback", "--reason", "x").out == "production: none → 1.0.0\n"


def test_a_project_has_its_own_stages(versions: Project) -> None:
    versions.write(".pacha/config.toml", CONFIG)
    versions("stage", "rows:1.0.0", "canary")
    assert "wants a reason" in versions("stage", "rows:1.0.0", "live", code=2).err
    versions("stage", "rows:1.0.0", "live", "--reason", "good")
    assert versions("stage", "rows:1.1.0", "canary").out == "canary: none → 1.1.0\n"
    assert versions("stage", "rows:1.2.0", "CANARY").out == "canary: 1.1.0 → 1.2.0 (1.1.0 now development)\n"
    answer = versions("stage", "rows:1.2.0", "live", "--reason", "better")
    assert answer.out == "production: 1.0.0 → 1.2.0 (1.0.0 now ready)\ncanary: 1.2.0 → none\n"
    assert versions("rev-parse", "rows:live").out == versions("rev-parse", "rows:1.2.0").out
    assert "no version" in versions("rev-parse", "rows:canary", code=3).err
    assert versions("stage", "rows", "live", "--rollback", "--reason", "x").out.startswith("production: 1.2.0 → 1.0.0")
    assert "no such stage" in versions("stage", "rows:1.2.0", "staging", code=2).err
    listed = {row["key"]: row for row in versions("config", "list", "--json").data}
    assert listed["stages.aliases.live"]["value"] == "production"
    assert listed["stages.exclusive"]["layer"] == "project"
    assert "retired" in versions("config", "get", "stages.names").out
    versions("fsck")


def test_stages_that_make_no_sense_stop_what_is_about_stages_and_nothing_else(versions: Project) -> None:
    promote(versions, "1.0.0")
    versions.write(".pacha/config.toml", "[stages]\nnames = ['staging']\nwhen = 2026-03-03\n")
    for words in (["status"], ["log", "rows"], ["show", "rows:1.0.0"], ["list", "rows"], ["config", "list", "--json"]):
        versions(*words)
    for words in (["stage", "rows"], ["stage", "rows:1.1.0", "staging"], ["show", "rows:production"]):
        answer = versions(*words, code=2)
        assert "stages.when" in answer.err and "config.toml" in answer.err


def test_stages_count_in_the_projects_own_file_only(versions: Project) -> None:
    versions.write(".pacha/local/config.toml", CONFIG)
    answer = versions("stage", "rows:1.0.0", "canary", code=2)
    assert "no such stage" in answer.err and "ignored" in answer.err
    assert "config.toml" in versions("config", "set", "stages.names", "x", code=2).err


def test_a_fork_is_told_by_all_who_need_the_log_and_by_nobody_else(versions: Project) -> None:
    promote(versions, "1.0.0")
    folder = versions.path / ".pacha/refs/stages/data/rows"
    versions.commit("other.csv", "c,d\n1,2\n", "--tag", "1.0.0")
    versions("stage", "other:1.0.0", "staging")
    (folder / "00000002").rename(folder / "00000001")
    for words in (["stage", "rows"], ["show", "rows:production"], ["stage", "rows:1.1.0", "staging"]):
        assert versions(*words, code=None).code in (4, 5)
    answer = versions("stage", "--at", "2026", "--json", code=None)
    assert answer.code in (4, 5) and [item["artifact"] for item in answer.data["unread"]] == ["data/rows"]
    listed = versions("list", "--stage", "staging", "--json", code=None)
    assert listed.code in (4, 5) and [row["artifact"] for row in listed.data] == ["data/other"]
    for words in (["list"], ["list", "rows"]):
        answer = versions(*words, code=None)
        assert answer.code in (4, 5) and "refs/stages/data/rows" in answer.err and "?" in answer.out
    assert "other" in versions("list", code=None).out
    versions("show", "rows:latest")


# -- who is first ----------------------------------------------------------------------------------------------------


def race(project: Project, monkeypatch: pytest.MonkeyPatch, first: Version, second: Version) -> StageMoved:
    """Ada's move, with Bob's made after Ada's command has looked and before it writes."""
    real = stages.check_move
    todo = [BOB]

    def bob_first(workspace: object, move: object) -> None:
        real(workspace, move)  # type: ignore[arg-type]
        if todo:
            stage(project.workspace(), ROWS, first, "production", todo.pop())

    monkeypatch.setattr(stages, "check_move", bob_first)
    return stage(project.workspace(), ROWS, second, "production", ADA)


def test_whoever_loses_is_told_who_did_what_and_nothing_moves(
    versions: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("1.0.0", "1.1.0"):
        versions("stage", f"rows:{version}", "staging")
    with pytest.raises(LostStageRace) as caught:
        race(versions, monkeypatch, Version.parse("1.1.0"), Version.parse("1.0.0"))
    error = caught.value
    assert error.exit_code == 4 and "Bob" in error.message and "1.1.0" in error.message
    assert "Bob says so" in error.message and "2026-03-03T12:00:00Z" in error.message
    assert (error.nouns["version"], error.nouns["after"]) == ("1.1.0", "production")
    assert stages_of(versions)["1.0.0"] == "staging" and stages_of(versions)["1.1.0"] == "production"
    assert len(versions("stage", "rows", "--history", "--json").data) == 3
    versions("fsck")


def test_two_who_want_the_same_do_not_disagree(versions: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    versions("stage", "rows:1.0.0", "staging")
    moved = race(versions, monkeypatch, Version.parse("1.0.0"), Version.parse("1.0.0"))
    assert not moved.is_new and moved.who.startswith("Bob")
    assert len(versions("stage", "rows", "--history", "--json").data) == 2


def test_a_ref_that_is_lost_beyond_the_queue_is_a_lost_race_too(
    versions: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a network file system the queue may not hold; the write-once ref decides."""
    for version in ("1.0.0", "1.1.0"):
        versions("stage", f"rows:{version}", "staging")
    workspace = versions.workspace()
    stage(versions.workspace(), ROWS, Version.parse("1.1.0"), "production", BOB)
    log = read_stage_log(workspace.repository.refs, workspace.repository.objects, ROWS)
    before = StageLog(artifact=ROWS, entries=log.entries[:-1]).state()
    with monkeypatch.context() as patch:
        patch.setattr(stages, "_first_since", lambda *arguments: None)
        patch.setattr(Catalog, "stages", lambda self, artifact: before)
        with pytest.raises(LostStageRace, match="Bob"):
            stage(workspace, ROWS, Version.parse("1.0.0"), "production", ADA)
    assert stages_of(versions)["1.0.0"] == "staging"
    versions("fsck")


MOVER = """
import os, sys, time
from pacha.cli.main import main
for _ in range(1000):
    if os.path.exists("go"):
        break
    time.sleep(0.005)
sys.exit(main(["stage", f"rows:{sys.argv[1]}", "production", "--reason", sys.argv[1], "--json"]))
"""


def test_processes_that_promote_at_once_make_one_chain_and_every_loser_is_told(versions: Project) -> None:
    names = ("1.0.0", "1.1.0", "1.2.0", "2.0.0-rc.1")
    for version in names:
        versions("stage", f"rows:{version}", "staging")
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PACHA_AUTHOR_NAME": "Ada"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", MOVER, version],
            cwd=versions.path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for version in names
    ]  # fmt: skip
    versions.write("go", "")
    said = [process.communicate() for process in processes]
    codes = [process.returncode for process in processes]
    assert set(codes) <= {0, 4} and 0 in codes, said
    for code, (_, err) in zip(codes, said, strict=True):
        assert code == 0 or ("LostStageRace" in err and "was first" in err), err
    entries = versions("stage", "rows", "--history", "--json").data
    won = [entry["version"] for entry in entries if entry["to_stage"] == "production"]
    assert sorted(won) == sorted(version for version, code in zip(names, codes, strict=True) if code == 0)
    assert [entry["number"] for entry in entries] == list(range(len(names) + len(won), 0, -1))
    assert list(stages_of(versions).values()).count("production") == 1
    versions("fsck")


def test_a_rollback_loses_a_race_as_a_move_does(versions: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    promote(versions, "1.0.0")
    promote(versions, "1.1.0")
    versions("stage", "rows:1.2.0", "staging")
    real = stages.check_move
    todo = [BOB]

    def bob_first(workspace: object, move: object) -> None:
        real(workspace, move)  # type: ignore[arg-type]
        if todo:
            stage(versions.workspace(), ROWS, Version.parse("1.2.0"), "production", todo.pop())

    monkeypatch.setattr(stages, "check_move", bob_first)
    with pytest.raises(LostStageRace, match=r"1\.2\.0"):
        rollback(versions.workspace(), ROWS, ADA)


# -- what was ----------------------------------------------------------------------------------------------------------


def test_the_auditor_asks_for_a_day_a_month_and_a_moment(versions: Project) -> None:
    for version, when in (("1.0.0", "2026-02-01T08:00:00Z"), ("1.1.0", "2026-03-03T12:00:00Z")):
        versions("stage", f"rows:{version}", "staging", "--date", when)
        versions("stage", f"rows:{version}", "production", "--reason", f"why {version}", "--date", when)
    versions("stage", "rows", "--rollback", "--reason", "alarms", "--date", "2026-03-03T18:00:00Z")
    versions.commit("other.csv", "c,d\n1,2\n", "--tag", "1.0.0")
    versions("stage", "other:1.0.0", "archived", "--date", "2026-03-10")

    def held(*words: str) -> list[str]:
        found = versions("stage", *words, "--json").data["holders"]
        return [f"{item['artifact'].partition('/')[2]}:{item['version']}" for item in found]

    assert held("production", "--at", "2026-03-03") == ["rows:1.0.0", "rows:1.1.0", "rows:1.0.0"]
    assert held("production", "--at", "2026-03") == ["rows:1.0.0", "rows:1.1.0", "rows:1.0.0"]
    assert held("rows", "production", "--at", "2026-03-03T15:00:00Z") == ["rows:1.1.0"]
    assert held("rows", "production", "--at", "2026-03-03T16:00:00+01:00") == ["rows:1.1.0"]
    assert held("rows", "production", "--at", "2026-03-04") == ["rows:1.0.0"]
    assert held("production", "--at", "2026-01") == []
    assert "other:1.0.0" in held("--at", "2026") and "other:1.0.0" not in held("--at", "2026-03-09")
    first = versions("stage", "rows", "production", "--at", "2026-03-03", "--json").data["holders"][1]
    assert (first["since"], first["until"]) == ("2026-03-03T12:00:00Z", "2026-03-03T18:00:00Z")
    assert (first["reason"], first["who"]) == ("why 1.1.0", "Ada <ada@example.org>")
    text = versions("stage", "production", "--at", "2026-03-03").out
    assert len(text.splitlines()) == 4 and "now" in text.splitlines()[3]
    assert "not come yet" in versions("stage", "--at", "9000").err


def test_a_move_that_is_dated_before_the_last_one_is_noted(versions: Project) -> None:
    versions("stage", "rows:1.0.0", "staging", "--date", "2026-03-03")
    answer = versions("stage", "rows:1.1.0", "staging", "--date", "2026-03-02")
    assert "the order is that of the log" in answer.err
    versions("fsck")


def test_list_takes_a_stage(versions: Project) -> None:
    promote(versions, "1.0.0")
    versions.commit("other.csv", "c,d\n1,2\n", "--tag", "0.1.0")
    versions("stage", "other:0.1.0", "staging")
    versions("stage", "other:0.1.0", "production")

    def listed(*words: str) -> list[str]:
        return [f"{row['artifact']}:{row['version']}" for row in versions("list", *words, "--json").data]

    assert listed("--stage", "prod") == ["data/other:0.1.0", "data/rows:1.0.0"]
    assert listed("rows", "--stage", "production") == ["data/rows:1.0.0"]
    assert listed("rows", "--stage", "development") == [f"data/rows:{v}" for v in ("2.0.0-rc.1", "1.2.0", "1.1.0")]
    assert listed("--kind", "model", "--stage", "production") == []
    assert "data/rows" in versions("list", "--stage", "production").out


def test_a_history_of_one_version(versions: Project) -> None:
    promote(versions, "1.0.0")
    promote(versions, "1.1.0")
    numbers = [entry["number"] for entry in versions("stage", "rows:1.0.0", "--history", "--json").data]
    assert numbers == [4, 2, 1]
    assert "1.1.0: staging → production; 1.0.0 → staging" in versions("stage", "rows:1.0.0", "--history").out
    assert "never moved" in versions("stage", "rows:1.2.0", "--history").err


def test_what_a_stranger_wrote_cannot_steer_the_terminal_or_add_lines(versions: Project) -> None:
    for stage_name, reason in (("staging", "fine\n9  2026  forged: a → b"), ("yanked", "\x1b[31mred\nforged")):
        versions("stage", "rows:1.2.0", stage_name, "--reason", reason, "--author", "Eve \x1b]0;x\x07")
    answer = versions("stage", "rows", "--history")
    assert "\x1b" not in answer.out and "\n   9  2026  forged" in answer.out
    assert "\x1b" not in versions("stage", "rows").out and len(versions("stage", "rows").out.splitlines()) == 2
    assert "forged" not in versions("cat", "rows:1.2.0").err
