"""Bad input of any kind gets one clear line, the next step and the right exit code, and nothing is lost."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from pacha.base import files
from tests.conftest import Answer, Project, mount_read_only, run_here


def assert_one_line(answer: Answer, *words: str) -> None:
    """One error line that says the words, a hint, no traceback."""
    errors = [line for line in answer.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, answer.err
    assert "Traceback" not in answer.err + answer.out
    assert "hint: " in answer.err, answer.err
    for word in words:
        assert word in answer.err, answer.err


@pytest.fixture
def used(project: Project) -> Project:
    """A project with a version and a head beyond it."""
    project.commit("rows.csv", "a,b\n1,2\n")
    project("tag", "rows", "1.0.0")
    project("stage", "rows:1.0.0", "staging", "--date", "2026-03-03")
    project.commit("rows.csv", "a,b\n1,2\n3,4\n")
    return project


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["show", "nobody"], 3, ["nobody", "pacha list"]),
        (["show", "rows:9.9.9"], 3, ["9.9.9"]),
        (["show", "rows~9"], 3, ["rows~9"]),
        (["show", "rows^trained_on"], 3, ["trained_on"]),
        (["show", "manifest:00000000"], 3, ["00000000"]),
        (["show", "manifest:0000"], 2, ["8"]),
        (["show", "rows:1.0.0@b3:00000000"], 5, ["pin"]),
        (["cat", "rows:1.0.0/none.csv"], 3, ["none.csv"]),
        (["cat", "rows:1.0.0/x/../y"], 2, ["x/../y", "name a file"]),
        (["show", "rows:"], 2, ["rows:", "fraud-detector:1.2.0"]),
        (["show", "rows~" + "9" * 5000], 2, ["too many steps", "fraud-detector:1.2.0"]),
        (["show", "rows^" + "x" * 5000], 2, ["no such role", "trained_on"]),
        (["show", "x" * 9000], 2, ["8192", "fraud-detector:1.2.0"]),
        (["add", "rows.csv", "--merged-from", "rows,weight=0.5,weight=0.6"], 2, ["weight is given twice", "REF"]),
        (
            ["add", "rows.csv", "--merged-from", "rows,weight=0.5", "--merged-from", "data/rows,weight=0.6"],
            2,
            ["are one commit in one role", "once"],
        ),
        (["commit", "rows.csv", "-m", "x", "--metric", "k" * 5000 + "=1"], 2, ["no such member"]),
        (["add", "gone.csv"], 3, ["gone.csv"]),
        (["add", "rows.csv", "--name", "Bad Name"], 2, ["Bad Name", "fraud-detector"]),
        (["add", "rows.csv", "--name", "model"], 2, ["model"]),
        (["add", "/etc/hostname"], 2, ["/etc/hostname"]),
        (["add", ".pacha/format"], 2, [".pacha/format"]),
        (["tag", "rows", "1.0"], 2, ["1.0", "MAJOR.MINOR.PATCH"]),
        (["tag", "rows", "v1.0.0"], 2, ["v1.0.0"]),
        (["tag", "rows", "1.0.0"], 4, ["1.0.0 exists", "Ada", "manifest:"]),
        (["tag", "rows", "1.0.0+build"], 4, ["precedence", "1.0.0"]),
        (["commit", "-m", "nothing"], 1, ["nothing to commit", "pacha add"]),
        (["commit", "rows.csv", "-m", "same"], 1, ["nothing to commit"]),
        (["commit", "-m", "x", "--date", "yesterday"], 2, ["yesterday"]),
        (["commit", "-m", "x", "--author", " "], 2, ["Ada Lovelace"]),
        (["config", "set", "no.such", "1"], 2, ["no.such"]),
        (["config", "set", "core.jobs", "many"], 2, ["many"]),
        (["stage", "rows", "production"], 2, ["rows:VERSION"]),
        (["stage", "rows:head", "production"], 2, ["no version", "pacha tag"]),
        (["stage", "rows:9.9.9", "production"], 3, ["9.9.9"]),
        (["stage", "nobody:1.0.0", "production"], 3, ["nobody"]),
        (["stage", "rows:1.0.0/rows.csv", "production"], 2, ["rows.csv"]),
        (["stage", "rows:1.0.0", "live"], 2, ["no such stage: 'live'", "production"]),
        (["stage", "rows:1.0.0", "\x1b[31m"], 2, ["no such stage"]),
        (["-c", "user.name=", "stage", "rows:1.0.0", "prod", "--author", " "], 2, ["Ada Lovelace"]),
        (["stage", "rows:1.0.0", "prod", "--date", "soon"], 2, ["soon"]),
        (["stage", "rows:1.0.0", "prod", "--reason", "x" * 5000], 2, ["4096"]),
        (["stage", "rows:1.0.0", "yanked"], 2, ["reason", "--reason"]),
        (["stage", "rows", "--rollback"], 1, ["nothing to return to", "--history"]),
        (["stage", "rows", "staging", "--rollback", "--reason", "x"], 2, ["not exclusive", "production"]),
        (["stage", "--rollback", "--reason", "x"], 2, ["which one"]),
        (["stage", "rows", "--rollback", "--history"], 2, ["do not go together"]),
        (["stage", "--history"], 2, ["name or a version"]),
        (["stage", "rows", "--reason", "x"], 2, ["NAME:VERSION STAGE"]),
        (["stage", "nobody"], 3, ["nobody"]),
        (["stage", "--at", "2026-13"], 2, ["2026-13"]),
        (["stage", "--at", "2026-02-30"], 2, ["2026-02-30"]),
        (["list", "--stage", "live"], 2, ["no such stage"]),
        (["comit"], 2, ["did you mean commit", "pacha --help"]),
        (["add"], 2, ["--help"]),
        (["model", "gte", "rows"], 2, ["did you mean get", "pacha model --help"]),
        (["model", "get", "rows", "-v"], 2, ["requires an argument", "pacha model get --help"]),
        (["data", "validate", "gone.csv"], 3, ["gone.csv", "nothing lies at such a path"]),
        (["recipe", "validate", "gone.toml"], 3, ["gone.toml", "nothing lies at such a path"]),
        (["tag", "rows", "v2.0.0"], 2, ["v2.0.0", "write 2.0.0"]),
        (["tag", "rows", "2"], 2, ["write 2.0.0"]),
        (["show", "rows:v1.0.0"], 2, ["v1.0.0", "write 1.0.0"]),
        (["show", "rows:"], 2, ["a reference is [kind/]name"]),
        (["get", "rows"], 2, ["did you mean pacha model get"]),
        (["search", "trained_on=rows"], 2, ["pacha lineage"]),
        (["data", "card", "rows", "--export", "x.json"], 2, ["--json"]),
        (["data", "get", "rows:9.9.9"], 3, ["the newest are: 1.0.0"]),
        (["stage", "rows", "--rollback", "--reason", "x"], 1, ["no version was ever in production"]),
        (["data", "card", "rows", "--unset", "purpose"], 1, ["says just that already", "pacha data card rows"]),
        (["completion"], 2, ["bash, zsh, fish, powershell"]),
        (["gc", "--prune", "soon"], 2, ["soon"]),
        (["-c", "core.jobs", "status"], 2, ["KEY=VALUE"]),
        (["-C", "nowhere", "status"], 2, ["nowhere"]),
        (["cat-file", "blob:" + "0" * 64], 3, ["not here"]),
        (["check-ref-format", "refs/heads/../x"], 1, ["refs/heads/../x"]),
        (["resolve", "rows", "--keep", "rows"], 1, ["nothing"]),
        (["schema", "pacha.lgo/1"], 3, ["pacha.log/1"]),
        (["help", "comit"], 2, ["commit"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)  # fmt: skip
def test_it_is_told_what_and_what_next(used: Project, words: list[str], code: int, said: list[str]) -> None:
    before = sorted(str(path) for path in used.path.rglob("*") if "local" not in path.parts)
    assert_one_line(used(*words, code=code), *said)
    assert before == sorted(str(path) for path in used.path.rglob("*") if "local" not in path.parts)


def test_the_same_errors_as_json(used: Project) -> None:
    import json

    answer = used("show", "nobody", "--json", code=3)
    error = json.loads(answer.err)["error"]
    assert error["code"] == "NoSuchArtifact" and error["exit_code"] == 3 and error["hint"]


def test_not_a_repository(tmp_path: Path) -> None:
    assert_one_line(run_here(["-C", str(tmp_path), "status"]), "not inside a Pacha repository", "pacha init")


def test_an_ambiguous_prefix_lists_its_candidates(project: Project) -> None:
    project.commit("rows.csv", "a,b\n1,2\n")
    project.write("model/rows.safetensors", b"\x08\0\0\0\0\0\0\0{}      ")
    project("add", "model/rows.safetensors", "--name", "rows")
    project("commit", "-m", "a model of the same name")
    answer = project("show", "rows", code=4)
    assert_one_line(answer, "data/rows", "model/rows")


def test_a_newer_format_is_not_touched(used: Project) -> None:
    path = used.path / ".pacha/format"
    text = path.read_text()
    for changed in (text.replace("pacha 1", "pacha 2"), text.replace("id ", "requires tensors\nid ")):
        path.write_text(changed)
        for words in (["status"], ["commit", "-m", "x"], ["gc"], ["fsck"]):
            assert_one_line(used(*words, code=9), "newer pacha-registry")
        assert path.read_text() == changed
    path.write_text(text.replace("id ", "optional colours\nid "))
    used("log", "rows")
    assert_one_line(used("add", "rows.csv", code=9), "colours")
    path.write_text("nonsense")
    assert_one_line(used("status", code=5), "format")


def test_a_deep_document_is_refused(used: Project) -> None:
    from pacha.base.ids import hash_bytes
    from pacha.objects.types import Link
    from pacha.store.meta import meta_path

    raw = b"[" * 10_000 + b"]" * 10_000
    link = Link("manifest", hash_bytes(raw))
    path = used.path / ".pacha" / meta_path(link)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    (used.path / f".pacha/refs/heads/data/rows/{link.id}").write_text(f"{link}\n")
    assert_one_line(used("show", str(link), code=5), "levels")
    assert "levels" in used("fsck", code=5).out


def test_a_conflict_marker_in_a_ref(used: Project) -> None:
    path = used.path / ".pacha/refs/versions/data/rows/1.0.0"
    line = path.read_text()
    path.write_text(f"<<<<<<< HEAD\n{line}=======\n{line}>>>>>>> branch\n")
    assert_one_line(used("show", "rows:1.0.0", code=4), "conflict", "resolve")


def test_a_damaged_object_is_never_shown(used: Project) -> None:
    for path in (used.path / ".pacha/objects/manifest").rglob("*.json"):
        path.write_text(path.read_text().replace("a change", "a chance"))
    assert_one_line(used("show", "rows", code=5), "do not have that id")


def test_damaged_bytes_are_never_handed_out(used: Project, tmp_path: Path) -> None:
    for path in (used.path / ".pacha/objects/pack").glob("*.pack"):
        data = path.read_bytes()
        path.write_bytes(data.replace(b"a,b\n", b"a,c\n"))
    assert_one_line(used("checkout", "rows", "--to", str(tmp_path / "out"), code=5))
    assert not (tmp_path / "out").exists()
    assert_one_line(used("cat", "rows", code=5))
    used("verify", "rows", code=5)


def test_a_symbolic_link_is_refused_with_the_way_out(project: Project) -> None:
    project.write("blobs/real.csv", "a,b\n1,2\n")
    os.symlink("../blobs/real.csv", project.write("snapshot/x", "").parent / "real.csv")
    (project.path / "snapshot/x").unlink()
    assert_one_line(project("add", "snapshot", "--kind", "data", code=2), "symbolic link", "--dereference")
    project("add", "snapshot", "--kind", "data", "--dereference")
    project("commit", "-m", "followed")
    project("checkout", "snapshot", "--to", str(project.path / "copy"))
    assert (project.path / "copy/real.csv").read_text() == "a,b\n1,2\n"
    assert (project.path / "snapshot/real.csv").is_symlink()


def test_names_that_cannot_be_restored_everywhere_are_refused(project: Project) -> None:
    for name in ("a:b.csv", "con.csv", "x\u202ey.csv", "line\nend.csv"):
        project.write(f"folder/{name}", "a,b\n")
        assert_one_line(project("add", "folder", "--kind", "data", code=2), "portable")
        (project.path / "folder" / name).unlink()
    project.write("folder/A.csv", "1")
    project.write("folder/a.csv", "2")
    assert_one_line(project("add", "folder", "--kind", "data", code=2), "one name")


def test_a_pipe_in_a_folder_is_refused(project: Project) -> None:
    project.write("folder/a.csv", "1")
    os.mkfifo(project.path / "folder/pipe")
    assert_one_line(project("add", "folder", "--kind", "data", code=2), "not a regular file")


def test_no_author_says_how(project: Project, user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (user / ".gitconfig").unlink()
    monkeypatch.delenv("PACHA_AUTHOR_NAME")
    monkeypatch.delenv("PACHA_AUTHOR_EMAIL")
    project.write("rows.csv", "a,b\n")
    project("add", "rows.csv")
    assert_one_line(project("commit", "-m", "x", code=2), "pacha config set user.name")
    project("commit", "-m", "x", "--author", "Bob <bob@example.org>")


class _Full:
    """An `os` whose disk is full: every write from the Nth on fails."""

    def __init__(self, after: int, number: int) -> None:
        self.left = after
        self.number = number

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def pwritev(self, *arguments: object) -> int:
        self.left -= 1
        if self.left < 0:
            raise OSError(self.number, os.strerror(self.number))
        return os.pwritev(*arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize(
    "words",
    [
        ["add", "rows.csv", "more.csv"],
        ["commit", "rows.csv", "-m", "x"],
        ["tag", "rows", "2.0.0"],
        ["stage", "rows:1.0.0", "production", "--reason", "x"],
    ],
)
def test_a_full_disk_costs_nothing(
    used: Project, words: list[str], number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    used.write("rows.csv", "a,b\n9,9\n")
    used.write("more.csv", "c,d\n" * 50_000)
    failed = 0
    before = used("list", "--json").data, used("list", "rows", "--json").data
    for after in range(60):
        with monkeypatch.context() as patch:
            patch.setattr(files, "os", _Full(after, number))
            answer = used(*words, code=None)
        assert answer.code in (0, 10), answer.err
        assert used.read("rows.csv") == b"a,b\n9,9\n"
        used("fsck")
        if answer.code == 0:
            break
        assert (used("list", "--json").data, used("list", "rows", "--json").data) == before, (
            "an error, and yet it happened"
        )
        failed += 1
        assert_one_line(answer, os.strerror(number)) if number != errno.EIO else None
    assert failed > 2 and answer.code == 0


def test_another_users_repository_is_read_and_not_written(used: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: real + 1)
    monkeypatch.setattr(os, "geteuid", lambda: real + 1)
    for words in (
        ["status"],
        ["log", "rows"],
        ["show", "rows"],
        ["list"],
        ["verify", "rows"],
        ["fsck"],
        ["stats"],
        ["stats", "--storage"],
    ):
        used(*words)
    answer = used("commit", "rows.csv", "-m", "x", code=6)
    assert_one_line(answer, f"PACHA_SAFE_DIRECTORY={used.path}")
    monkeypatch.setenv("PACHA_SAFE_DIRECTORY", str(used.path))
    used.write("rows.csv", "a,b\n8,8\n")
    used("commit", "rows.csv", "-m", "allowed")


def test_a_read_only_repository_is_read(used: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (used.path / ".pacha/local").glob("index.sqlite*"):
        path.unlink()
    mount_read_only(monkeypatch)
    for words in (
        ["status"],
        ["log", "rows"],
        ["show", "rows"],
        ["list"],
        ["list", "rows"],
        ["verify", "rows"],
        ["fsck"],
        ["stats"],
        ["stats", "--storage"],
        ["gc", "-n"],
        ["cat", "rows"],
        ["diff", "rows~1", "rows:head"],
        ["resolve"],
        ["rev-parse", "rows"],
        ["stage", "rows"],
        ["stage", "--at", "2026"],
        ["list", "--stage", "staging"],
    ):
        used(*words)
    assert not list((used.path / ".pacha/local").glob("index.sqlite*"))
    assert_one_line(used("commit", "rows.csv", "-m", "x", code=10), "read-only")
    assert_one_line(used("stage", "rows:1.0.0", "production", code=10), "read-only")


def test_an_unreadable_file_is_named(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("rows.csv", "a,b\n")
    real = os.open

    def refuse(path: object, *arguments: object, **named: object) -> int:
        if str(path).endswith("rows.csv"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refuse)
    assert_one_line(project("add", "rows.csv", code=10), "rows.csv", "Permission denied")


def test_a_file_that_keeps_changing_is_refused(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from pacha.worktree import ingest

    path = project.write("rows.csv", "a,b\n")
    real = ingest.is_same_file

    def changing(file: object, descriptor: int) -> bool:
        os.utime(path, ns=(1, os.stat(path).st_mtime_ns + 1))
        return real(file, descriptor)  # type: ignore[arg-type]

    monkeypatch.setattr(ingest, "is_same_file", changing)
    assert_one_line(project("add", "rows.csv", code=4), "changed while it was read")
    monkeypatch.undo()


def test_a_folder_where_a_file_was(used: Project) -> None:
    (used.path / "rows.csv").unlink()
    used.write("rows.csv/inner.csv", "1")
    assert_one_line(used("checkout", "rows", code=4))
    assert used.read("rows.csv/inner.csv") == b"1"
    shutil.rmtree(used.path / "rows.csv")
    used("checkout", "rows")


HUGE = "1e400"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("card.toml", f"[metrics]\nauc = {HUGE}\n", [HUGE, "larger than a number"]),
        ("card.toml", f"[metrics]\nauc = -{HUGE}\n", [HUGE, "larger than a number"]),
        ("card.toml", f"[metrics]\nauc = {'9' * 6000}\n", ["too many digits"]),
        ("card.json", f'{{"metrics": {{"auc": {HUGE}}}}}', [HUGE, "larger than a number"]),
        ("card.md", f"---\nmetrics:\n  auc: {HUGE}\n---\n", ["auc"]),
        ("card.toml", 'description = "' + "x" * 70_000 + '"\n', ["32768", "file of the artifact"]),
        ("card.toml", "x" * 1_100_000, ["1048576"]),
        ("card.md", "---\na: &a [*a]\n---\n", ["anchors"]),
        ("card.md", "---\nlicense: mit\nlicense: gpl\n---\n", ["license", "twice"]),
    ],
)
def test_a_card_that_is_none_is_told_with_what_to_do(project: Project, name: str, text: str, said: list[str]) -> None:
    project.write("m.bin", b"\1" * 100)
    project.write(name, text)
    answer = project("model", "register", "m", "m.bin", "-v", "1.0.0", "--card", name, code=2)
    assert_one_line(answer, name, *said)
    assert "sys." not in answer.err and project("list", "--json").data == []


def test_only_who_writes_infinity_means_it(project: Project) -> None:
    for number, (metric, kept) in enumerate(
        {"auc=inf": "Infinity", "auc=-Infinity": "-Infinity", "auc=nan": "NaN", "auc=1e308": 1e308}.items()
    ):
        project.write("m.bin", bytes([number]) * 100)
        project("model", "register", "m", "m.bin", "-v", f"{number}.0.0", "--metric", metric)
        assert project("show", "m", "--json").data["card"]["metrics"]["auc"] == kept
    answer = project("model", "register", "m", "m.bin", "-v", "9.0.0", "--metric", f"auc={HUGE}", code=2)
    assert_one_line(answer, "auc", HUGE)


def test_whatever_was_typed_an_error_can_be_read(project: Project) -> None:
    for words in (["checkout", "x" * 100_000], ["stage", "y" * 100_000, "production"], ["show", "a/" * 3000]):
        answer = project(*words, code=None)
        assert answer.code in (2, 3)
        assert_one_line(answer)
        assert len(answer.err) < 3_000
