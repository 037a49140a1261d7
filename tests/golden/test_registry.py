"""Every command of the registry as it looks on a terminal, with its usual answer and a refusal.

`python -m tests.golden.test_registry` writes it anew, after a change that is meant. Ids and sizes of what is new are
passed over, and so is the environment, which a recipe holds as it was when it was registered.
"""

import os
import re
import tempfile
from pathlib import Path
from unittest.mock import patch

import pytest

from pacha.base.clock import SystemClock
from pacha.cli.groups import KINDS, commands_of
from tests.conftest import Project
from tests.docs.test_tutorials import without_ids
from tests.golden.test_golden import played
from tests.golden.typed import lines_of, words_of
from tests.porcelain.old_registry import OldRegistry

REGISTRY = Path(__file__).parent / "registry.txt"
NOW = "2026-03-03T12:00:00Z"
#: Commands beside those of the groups that are shown here.
TOP = ("lineage", "search", "changes", "stage", "import")


def typed(folder: Path, text: str) -> str:
    """What the transcript says now, typed in a new Git work tree beside which an old registry lies."""
    path = folder / "golden"
    path.mkdir()
    project = Project(path)
    project.git("init", "-q", ".")
    old = OldRegistry.make(folder / "old")
    data = old.data("Old Rows:1.0.0", b"a\n1\n")
    model = old.model("older:0.9.0", b"weights", stage="staging")
    old.edge(data, model, "derived_from")
    old.edge(data, "nothing", "derived_from")
    with patch.object(SystemClock, "now", lambda self: NOW):
        return played(project, text)


def masked(text: str) -> str:
    """A transcript without what differs from machine to machine."""
    return re.sub(r"^  environment .*", "  environment …", without_ids(text), flags=re.M)


@pytest.fixture
def text(monkeypatch: pytest.MonkeyPatch) -> str:
    """The transcript."""
    monkeypatch.setenv("PACHA_JOBS", "1")
    return REGISTRY.read_text("utf-8")


def test_the_registry_looks_as_it_did(tmp_path: Path, text: str) -> None:
    assert masked(typed(tmp_path, text)) == masked(text)


def test_a_transcript_that_says_something_else_is_found(tmp_path: Path) -> None:
    lie = "$ pacha init\nmade nothing\n"
    assert masked(typed(tmp_path, lie)) != lie


@pytest.mark.parametrize("command", [*TOP, *(f"{kind} {name}" for kind in KINDS for name in commands_of(kind))])
def test_a_command_is_shown_with_its_answer_and_a_refusal(text: str, command: str) -> None:
    refused = {code for words, code in lines_of(text) if words_of(words) == command}
    assert 0 in refused and refused - {0}, f"{command}: exit codes {refused or 'of nothing'}"


@pytest.mark.parametrize("kind", KINDS)
def test_both_ways_to_name_a_version_are_typed(text: str, kind: str) -> None:
    typed_words = [
        words for words, code in lines_of(text) if words[:1] == [kind] and code == 0 and "register" not in words
    ]
    assert any("-v" in words for words in typed_words)
    assert any(":" in word for words in typed_words for word in words[2:3])


if __name__ == "__main__":
    os.environ.update(PACHA_AUTHOR_NAME="Ada", PACHA_AUTHOR_EMAIL="ada@example.org", NO_COLOR="1", PACHA_JOBS="1")
    with tempfile.TemporaryDirectory() as folder:
        REGISTRY.write_text(typed(Path(folder), REGISTRY.read_text("utf-8")), "utf-8")
