"""Output: sanitised, coloured only for people, the answer on stdout and the talk on stderr."""

import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from pacha.base.canonical import decode_lines, encode_lines
from pacha.base.ids import hash_bytes
from pacha.objects.types import Link
from pacha.store.meta import meta_path
from tests.conftest import Project, run_here

EVIL = "\x1b]0;owned\x07\x1b[31mred\x1b[0m \u202eetirw\u200b \x9b1m \x7f\r\b"


def hostile(project: Project) -> None:
    """Puts a commit whose every text is hostile in a branch's place."""
    project.commit("rows.csv", "a,b\n1,2\n")
    path = next((project.path / ".pacha/objects/manifest").rglob("*.json"))
    value = decode_lines(path.read_bytes())
    assert isinstance(value, dict)
    raw = encode_lines(
        {
            **value,
            "message": EVIL,
            "author": f"{EVIL} <x>",
            "card": {"note" + EVIL: EVIL, "list": [EVIL]},
            "x" + EVIL: EVIL,
        }
    )
    link = Link("manifest", hash_bytes(raw))
    target = project.path / ".pacha" / meta_path(link)
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(raw)
    (project.path / f".pacha/refs/heads/data/rows/{link.id}").write_text(f"{link}\n")
    for old in (project.path / ".pacha/refs/heads/data/rows").iterdir():
        if old.name != link.id.hex:
            old.unlink()


def steering(text: str) -> set[str]:
    return {char for char in text if unicodedata.category(char) in ("Cc", "Cf") and char not in "\n\t"}


@pytest.mark.parametrize(
    "words",
    [
        ["log", "rows"],
        ["show", "rows"],
        ["list"],
        ["list", "rows"],
        ["search"],
        ["search", "--fields", "message,author,list,card.list"],
        ["search", "--json", "--fields", "list"],
        ["search", f"name~'{EVIL}"],
        ["search", f"{EVIL}=1"],
        ["status"],
        ["fsck"],
        ["diff", "rows:head", "rows:head"],
        ["resolve"],
        ["log", "rows", "--json"],
        ["show", "rows", "--json"],
        ["show", EVIL],
        ["add", EVIL],
        ["tag", "rows", EVIL],
        [EVIL],
        ["rev-parse", EVIL],
        ["for-each-ref"],
    ],
)
def test_nothing_that_steers_a_terminal_comes_out(project: Project, words: list[str]) -> None:
    hostile(project)
    answer = project(*words, code=None)
    assert steering(answer.out + answer.err) == set(), answer
    if words[0] in ("log", "show") and words[1] == "rows" and "--json" not in words:
        assert "\\x1b" in answer.out


def test_cat_hands_out_the_bytes_as_they_are(project: Project) -> None:
    project.commit("rows.csv", EVIL)
    assert project("cat", "rows").raw == EVIL.encode()


def test_colour_is_for_people_and_by_request(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.commit("rows.csv", "a,b\n")
    assert "\x1b" not in project("list").out
    assert "\x1b[" in project("--color", "always", "list").out
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in project("list").out
    assert "\x1b" not in project("--color", "never", "list").out


def test_quiet_leaves_the_answer_alone(project: Project) -> None:
    project.write("rows.csv", "a,b\n")
    answer = project("-q", "add", "rows.csv")
    assert answer.err == "" and "rows.csv" in answer.out


def test_a_reader_that_has_seen_enough_is_no_error(project: Project) -> None:
    for number in range(30):
        project.commit("rows.csv", f"a,b\n{number},1\n")
    command = f"{sys.executable} -m pacha -C {project.path} log rows | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0 and "Traceback" not in done.stderr and len(done.stdout.splitlines()) == 1


def test_an_interrupt_is_130(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from pacha.cli.commands import status

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(status, "status", interrupt)
    answer = project("status", code=130)
    assert "interrupted" in answer.err


def test_a_bug_is_70_and_shows_no_traceback(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from pacha.cli.commands import status

    def stumble(*_: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(status, "status", stumble)
    answer = project("status", code=70)
    assert "Traceback" not in answer.err and "--debug" in answer.err
    assert "Traceback" in project("--debug", "status", code=70).err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_completion_for_every_shell(project: Project, shell: str) -> None:
    script = project("completion", shell).out
    assert "pacha" in script and len(script.splitlines()) > 3


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("pacha comm", "plain,commit"),
        ("pacha show ro", "plain,rows"),
        ("pacha show rows:1.", "plain,rows:1.0.0"),
        ("pacha config set core.j", "plain,core.jobs"),
        ("pacha add r", "file,r"),
        ("pacha gc --dr", "plain,--dry-run"),
    ],
)
def test_completion_completes(project: Project, words: str, wanted: str) -> None:
    project.commit("rows.csv", "a,b\n")
    project("tag", "rows", "1.0.0")
    environment = {
        "COMP_WORDS": words, "COMP_CWORD": str(words.count(" ")), "_PACHA_COMPLETE": "bash_complete",
        "PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2]),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "pacha"], env=environment, capture_output=True, text=True, check=False, cwd=project.path
    )
    assert wanted in done.stdout.splitlines(), done


def test_completion_is_silent_where_there_is_no_repository(tmp_path: Path) -> None:
    environment = {
        "COMP_WORDS": "pacha show ro", "COMP_CWORD": "2", "_PACHA_COMPLETE": "bash_complete",
        "PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2]),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "pacha"], env=environment, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.stdout.strip() == "" and done.stderr == ""


def test_versions_and_help_at_the_top(project: Project) -> None:
    assert re.fullmatch(r"pacha \d+\.\d+\.\d+\S*\n", run_here(["--version"]).out)
    text = run_here(["--help"]).out
    for word in ("add", "commit", "checkout", "verify", "hash-object"):
        assert re.search(rf"^  {word} ", text, flags=re.MULTILINE), word
    assert run_here([]).out == text


@pytest.mark.parametrize("kind", ["model", "data", "recipe"])
def test_a_group_alone_shows_its_help(kind: str) -> None:
    alone = run_here([kind])
    assert alone.code == 0 and alone.err == ""
    assert alone.out == run_here([kind, "--help"]).out


@pytest.mark.parametrize("name", ["register", "download", "yank", "lineage", "list", "inspect", "get", "card"])
def test_examples_in_help_are_commands_that_exist(name: str) -> None:
    text = run_here(["data", name, "--help"]).out
    assert "a {kind}" not in text and "pacha dataset" not in text
    assert f"pacha data {name}" in text


def test_a_table_leaves_no_blanks_at_the_end_of_a_line(project: Project) -> None:
    project.commit("rows.csv", "a,b\n1,2\n")
    project("tag", "rows", "1.0.0")
    project("stage", "rows:1.0.0", "staging")
    for words in (["data", "schema", "rows"], ["stage", "rows"], ["list", "rows"], ["data", "inspect", "rows"]):
        assert not [line for line in project(*words).out.splitlines() if line != line.rstrip()], words


@pytest.mark.parametrize("words", [["status"], ["list"], ["model", "list"], ["config", "list"], ["reindex"]])
def test_flags_of_the_program_may_stand_after_a_command(project: Project, words: list[str]) -> None:
    project.commit("rows.csv", "a,b\n1,2\n")
    for flags in (["-q"], ["--quiet"], ["--no-pager"], ["--debug"], ["--color", "never"]):
        assert project(*words, *flags).out == project(*flags, *words).out
        assert flags[0] not in project(*words, "--help").out


def test_quiet_and_colour_after_a_command_are_obeyed(project: Project) -> None:
    project.write("rows.csv", "a,b\n1,2\n")
    assert project("add", "rows.csv", "-q").err == ""
    assert "\x1b[" in project("status", "--color", "always").out
    project("status", "--color", "blue", code=2)


def test_datasets_are_registered_with_a_datasheet(project: Project) -> None:
    project.write("rows.csv", "a,b\n1,2\n")
    project.write("sheet.toml", 'purpose = "churn"\n')
    project("data", "register", "rows", "rows.csv", "-v", "1.0.0", "--datasheet", "sheet.toml")
    assert project("data", "card", "rows", "--json").data["card"]["purpose"] == "churn"
    twice = ["--datasheet", "sheet.toml", "--card", "sheet.toml"]
    assert "given already" in project("data", "register", "rows", "rows.csv", "-v", "1.1.0", *twice, code=2).err
    assert "--datasheet" not in project("model", "register", "--help").out


def test_a_diff_never_shows_two_values_that_look_alike(project: Project) -> None:
    project.write("m.bin", "one")
    for number, auc in enumerate(("0.93000001", "0.93000002", "0.94")):
        project("model", "register", "m", "m.bin", "-v", f"1.{number}.0", "--metric", f"auc={auc}")
    assert "card metrics.auc: 0.93000001 → 0.93000002" in project("diff", "m:1.0.0", "m:1.1.0").out
    assert "card metrics.auc: 0.93 → 0.94" in project("diff", "m:1.1.0", "m:1.2.0").out


def test_card_values_are_written_as_people_would(project: Project) -> None:
    project.write("m.bin", "one")
    project("model", "register", "m", "m.bin", "-v", "1.0.0")
    project(
        "model", "register", "m", "m.bin", "-v", "1.1.0", "-d", "what it is", "--set", 'extra.by={"id": 1, "no": []}'
    )
    told = project("diff", "m:1.0.0", "m:1.1.0").out
    assert "card description: – → what it is\n" in told and "card extra: – → by (id 1)\n" in told
    assert "by (id 1)" in project("search", "has:extra", "--fields", "extra").out


def test_values_too_long_for_a_line_of_changes_are_cut(git_project: Project) -> None:
    git_project.write("m.bin", "one")
    git_project("model", "register", "m", "m.bin", "-v", "1.0.0", "-d", "word " * 60)
    lines = git_project("changes", "HEAD").out.splitlines()
    assert max(len(line) for line in lines) < 120 and any("word…" in line or "word …" in line for line in lines)
    assert "word " * 25 in git_project("changes", "HEAD", "--markdown").out


def test_what_is_nothing_in_a_row_is_null(project: Project) -> None:
    project.write("rows.csv", "id,age\n1,4\n")
    project("data", "register", "rows", "rows.csv", "-v", "1.0.0")
    project.write("rows.csv", "id,age\n1,\n")
    project("data", "register", "rows", "rows.csv", "-v", "2.0.0")
    assert "age: 4 → null" in project("data", "diff", "rows:1.0.0", "rows:2.0.0", "--key", "id").out
    assert "id=1, age=null" in project("data", "diff", "rows:1.0.0", "rows:2.0.0").out


def test_what_no_format_is_known_of_is_said(project: Project) -> None:
    project.write("rows.json", "[1]")
    project("data", "register", "rows", "rows.json", "-v", "1.0.0")
    assert "no format that is known; known are" in project("data", "inspect", "rows").err


def test_a_file_is_inspected_whatever_its_name(project: Project) -> None:
    project.write("My Rows.csv", "a,b\n1,2\n")
    project.write("folder/rows.csv", "a,b\n1,2\n")
    assert "2 columns" in project("data", "inspect", "My Rows.csv").out
    assert "2 columns" in project("data", "inspect", "folder/").out


def test_the_stage_of_one_version(project: Project) -> None:
    for number in range(2):
        project.commit("rows.csv", f"a,b\n{number},2\n", "--tag", f"1.{number}.0")
    project("stage", "rows:1.0.0", "staging")
    assert [row["version"] for row in project("stage", "rows:1.0.0", "--json").data["holders"]] == ["1.0.0"]
    answer = project("stage", "rows:1.1.0")
    assert answer.out == "" and "rows:1.1.0 is in development" in answer.err


def test_a_card_exported_as_toml_reads_back(project: Project) -> None:
    project.write("m.bin", "one")
    project("model", "register", "m", "m.bin", "-v", "1.0.0", "-d", "what it is", "--metric", "auc=0.9")
    project("model", "card", "m", "--export", str(project.path / "card.toml"))
    project.write("n.bin", "two")
    project("model", "register", "n", "n.bin", "-v", "1.0.0", "--card", "card.toml")
    cards = [project("model", "card", name, "--json").data["card"] for name in ("m", "n")]
    assert cards[0] == cards[1] and cards[0]["metrics"] == {"auc": 0.9}


def test_versions_of_what_has_none_are_told_how_to_make_one(project: Project) -> None:
    project.commit("rows.csv", "a,b\n1,2\n")
    assert "pacha tag rows 0.1.0" in project("show", "rows:1.0.0", code=3).err


def test_two_artifacts_at_one_path_are_told(project: Project) -> None:
    project.commit("rows.csv", "a,b\n1,2\n")
    notes = project("model", "register", "net", "rows.csv", "-v", "1.0.0").err
    assert "rows.csv is data/rows too; give one of them a path of its own" in notes
    project.write("rows.csv", "a,b\n1,3\n")
    changed = project("status", "--json").data["paths"]
    assert [(item["artifact"], item["state"]) for item in changed] == [
        ("data/rows", "modified"),
        ("model/net", "modified"),
    ]
    assert len(project("diff", "--json").data) == 2
    assert "--kind or --name" in project("add", "rows.csv", code=4).err
    project("add", "rows.csv", "--kind", "data")
    project("add", "rows.csv")
    project("commit", "-m", "more")
    states = {item["artifact"]: item["state"] for item in project("status", "--json").data["paths"]}
    assert states == {"data/rows": "clean", "model/net": "modified"}


def test_an_export_asks_before_it_writes_over_something_else(project: Project) -> None:
    project.write("m.bin", "one")
    project("model", "register", "m", "m.bin", "-v", "1.0.0", "-d", "what it is")
    project.write("t.csv", "a,b\n1,2\n")
    project("data", "register", "t", "t.csv", "-v", "1.0.0")
    project.write("r.recipe.toml", 'name = "r"\nversion = "1.0.0"\n')
    project("recipe", "register", "r.recipe.toml")
    for words in (["model", "card", "m"], ["data", "schema", "t"], ["recipe", "get", "r"]):
        target = project.write("mine", "my own words")
        assert "--force" in project(*words, "--export", "mine", code=4).err
        assert target.read_text() == "my own words"
        project(*words, "--export", "mine", "--force")
        assert target.read_text() == project(*words, "--export", "-").out
        project(*words, "--export", "mine")
        assert "there is no folder none" in project(*words, "--export", "none/mine", code=3).err


def test_what_is_told_of_a_whole_is_not_told_of_a_file_in_it(project: Project) -> None:
    project.write("net/m.bin", "one")
    project("model", "register", "net", "net", "-v", "1.0.0")
    for command in ("get", "card", "lineage"):
        assert "pacha cat net:1.0.0/m.bin" in project("model", command, "net:1.0.0/m.bin", code=2).err


def test_the_last_part_of_a_field_is_enough_to_be_told_the_whole(project: Project) -> None:
    project.write("m.bin", "one")
    project("model", "register", "m", "m.bin", "-v", "1.0.0", "--metric", "auc=0.9")
    assert "did you mean metrics.auc?" in project("search", "auc>0.5", code=2).err


def test_a_recipe_registered_as_another_version_than_its_own_is_told(project: Project) -> None:
    project.write("base.toml", 'version = "1.0.0"\n')
    assert "note" not in project("recipe", "register", "base.toml").err
    project.write("base.toml", 'version = "1.0.0"\nrandom_seed = 1\n')
    told = project("recipe", "register", "base.toml", "-v", "1.1.0").err
    assert "base.toml says version 1.0.0, and is registered as 1.1.0" in told


@pytest.mark.parametrize(
    ("file", "name"), [("base.toml", "base"), ("base.recipe.toml", "base"), ("Base 2.toml", "base-2")]
)
def test_a_recipe_without_a_name_has_that_of_its_file(project: Project, file: str, name: str) -> None:
    project.write(file, 'version = "1.0.0"\n')
    assert f"recipe/{name}:1.0.0" in project("recipe", "register", file).out


def test_register_offers_the_flags_that_fit_its_kind(project: Project) -> None:
    flags = {kind: project(kind, "register", "--help").out for kind in ("model", "data")}
    only = {"model": {"--description", "--metric"}, "data": {"--purpose", "--schema", "--datasheet"}}
    for kind, other in (("model", "data"), ("data", "model")):
        assert all(flag in flags[kind] for flag in only[kind])
        assert not any(flag in flags[kind] for flag in only[other])
