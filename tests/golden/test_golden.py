"""A whole day as it looks on a terminal, and the store that it leaves: what was written once is read for ever.

`python -m tests.golden.test_golden` writes both anew, after a change that is meant.
"""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from pacha.base.files import Durability, Root
from pacha.repo.layout import prepare_private
from tests.conftest import Project

HERE = Path(__file__).parent
DAY, PLUMBING, STORE = HERE / "day.txt", HERE / "plumbing.txt", HERE / "store"
#: What the first version of Pacha wrote, before manifests had facts: never written again, read for ever.
FIRST = HERE / "first-store"
#: What differs from run to run.
_DATED = ("commit",)
_ADDED = ("--date", "2026-03-03T12:00:00Z")


def played(project: Project, text: str) -> str:
    """Runs the lines of a transcript that begin with `$`, and returns it with what is said now.

    What stands before a `|` is handed on; `$ echo NAME TEXT` writes a file.
    """
    out = []
    for line in text.splitlines():
        if line.startswith("$ echo "):
            out.append(line)
            _, _, name, content = line.split(" ", 3)
            project.write(name, content.encode().decode("unicode_escape").encode("latin-1"))
        elif line.startswith("$ git "):
            out.append(line)
            project.git(*shlex.split(line)[2:])
        elif line.startswith("$ pacha "):
            out.append(line)
            *before, words = (piece.split() if " | " in line else shlex.split(piece) for piece in line[2:].split(" | "))
            stdin = b""
            for piped in before:
                stdin = project(*piped[1:], stdin=stdin).raw
            words = words[1:]
            if words[0] in _DATED:
                words += _ADDED
            answer = project("--color", "never", *words, code=None, stdin=stdin)
            said = answer.out + "".join(f"! {line}\n" for line in answer.err.splitlines())
            out += said.replace(str(project.path), "PROJECT").splitlines()
            out += [f"[exit {answer.code}]"] if answer.code else []
    return "\n".join(line.rstrip() if not line.startswith("$ echo") else line for line in out) + "\n"


@pytest.fixture
def golden(make_project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty folder of the golden day's name."""
    monkeypatch.setenv("PACHA_JOBS", "1")
    made = make_project("golden")
    shutil.rmtree(made.path / ".pacha")
    return made


@pytest.mark.parametrize("path", [DAY, PLUMBING], ids=lambda path: path.stem)
def test_a_day_looks_as_it_did(golden: Project, path: Path) -> None:
    assert played(golden, path.read_text("utf-8")) == path.read_text("utf-8")


@pytest.mark.parametrize("store", [FIRST, STORE], ids=lambda path: path.name)
def test_the_golden_store_is_read_for_ever(golden: Project, store: Path) -> None:
    shutil.copytree(store, golden.path / ".pacha")
    prepare_private(Root(str(golden.path / ".pacha"), durability=Durability.NONE))
    golden("fsck")
    golden("verify")
    assert golden("cat", "rows:1.0.0").raw == b"a,b\n1,2\n"
    assert golden("cat", "rows:1.1.0").raw == b"a,b\n1,2\n3,4\n"
    if store == STORE:
        text = DAY.read_text("utf-8")
        assert golden("rev-parse", "rows:1.0", "fraud~0", "rows:latest").out in text
        assert golden("list", "rows").out.splitlines()[1].rstrip() in text
    golden.commit("rows.csv", b"a,b\n5,6\n")
    assert len(golden("log", "rows", "--json").data) == 3


def test_the_same_day_writes_the_same_documents(golden: Project) -> None:
    played(golden, DAY.read_text("utf-8"))
    for kind in ("objects", "refs"):
        for path in sorted((STORE / kind).rglob("*")):
            if path.is_file() and path.suffix != ".idx":
                assert (golden.path / ".pacha" / path.relative_to(STORE)).read_bytes() == path.read_bytes()


def test_b3sum_agrees_with_every_object_and_every_file(golden: Project) -> None:
    if shutil.which("b3sum") is None:
        assert "PACHA_CI" not in os.environ, "b3sum must be installed in CI"
        pytest.skip("b3sum is not installed")
    shutil.copytree(STORE, golden.path / ".pacha")
    prepare_private(Root(str(golden.path / ".pacha"), durability=Durability.NONE))
    for path in (STORE / "objects").rglob("*.json"):
        assert b3sum(path.read_bytes()) == path.parent.name + path.stem
    for link in golden("rev-list", "rows").out.split():
        shown = golden("show", link, "--json").data
        assert b3sum(golden("cat-file", f"tree:{shown['tree']}").raw) == shown["tree"]
        assert b3sum(golden("cat", link).raw) == shown["digest"] == shown["files"][0]["digest"]


def b3sum(data: bytes) -> str:
    done = subprocess.run(["b3sum", "--no-names"], input=data, capture_output=True, check=True)
    return done.stdout.decode().strip()


def test_ids_in_the_transcript_are_not_wild(golden: Project) -> None:
    text = played(golden, DAY.read_text("utf-8").replace("one more row", "another message"))
    assert text != DAY.read_text("utf-8") and re.search(r"manifest:[0-9a-f]{12}", text)


if __name__ == "__main__":
    import tempfile

    os.environ.update(PACHA_AUTHOR_NAME="Ada", PACHA_AUTHOR_EMAIL="ada@example.org", NO_COLOR="1", PACHA_JOBS="1")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "golden"
        path.mkdir()
        DAY.write_text(played(Project(path), DAY.read_text("utf-8")), "utf-8")
        path = Path(folder) / "plumbing" / "golden"
        path.mkdir(parents=True)
        PLUMBING.write_text(played(Project(path), PLUMBING.read_text("utf-8")), "utf-8")
        path = Path(folder) / "golden"
        shutil.rmtree(STORE, ignore_errors=True)
        shutil.copytree(path / ".pacha", STORE, ignore=shutil.ignore_patterns("local", ".git", "*.idx"))
