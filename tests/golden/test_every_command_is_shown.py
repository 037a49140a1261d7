"""No command is without a transcript or tutorial that a test types."""

from pathlib import Path

from pacha.cli.commands_table import command_names
from pacha.cli.groups import KINDS, commands_of
from tests.golden.typed import lines_of, words_of

ROOT = Path(__file__).parents[2]
#: Texts that a test types, here and in tests/docs.
TYPED = [
    *sorted(Path(__file__).parent.glob("*.txt")),
    *sorted((ROOT / "docs").glob("tutorial-*.md")),
    *(ROOT / "docs" / name for name in ("stages.md", "lineage.md", "storage.md")),
]
#: Commands whose answer is another on each machine, each day, or is long, and where they are tested instead.
ELSEWHERE = {
    "completion": "tests/cli/test_output.py",
    "demo": "tests/cli/test_demo.py",
    "erase": "tests/porcelain/test_erase.py",
    "doctor": "tests/api/test_registry.py",
    "serve": "tests/server/test_running.py",
}


def not_shown(commands: set[str], texts: list[str]) -> set[str]:
    """The commands that no text types with success."""
    shown = {words_of(words) for text in texts for words, code in lines_of(text) if code == 0}
    return commands - shown


def every_command() -> set[str]:
    """All commands, those of the groups by two words."""
    own = {name for name in command_names() if name not in KINDS}
    return own | {f"{kind} {name}" for kind in KINDS for name in commands_of(kind)}


def test_every_command_is_typed_somewhere() -> None:
    assert not_shown(every_command() - {*ELSEWHERE}, [path.read_text("utf-8") for path in TYPED]) == set()


def test_what_is_shown_elsewhere_is_a_command_that_is_tested_there() -> None:
    assert {*ELSEWHERE} <= every_command()
    assert [path for path in ELSEWHERE.values() if not (ROOT / path).is_file()] == []


def test_a_command_that_is_only_refused_or_spoken_of_is_found() -> None:
    texts = ["$ pacha show x\n[exit 3]\n$ pacha -q log # exit 0\nuse `pacha tag`\n$ pacha list # exit 1\n"]
    assert not_shown({"show", "log", "tag", "list"}, texts) == {"show", "tag", "list"}
