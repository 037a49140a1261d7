"""What a machine finds in the files of an artifact does not depend on who opened them first."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from pacha.porcelain import facts
from pacha.porcelain.facts import Measured, Unknown, measure_files
from pacha.worktree.scan import scan

CSV, NOISE = b"a,b\n1,2\n", b"\x00\x01 of no format " * 20
PICKLE = b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00\x8c\x01a\x94."


def measured(folder: Path, files: Sequence[tuple[str, bytes]]) -> tuple[Measured, Measured, set[str]]:
    """What is found when every file is opened, and when those are left out that a look at their bytes tells of."""
    folder.mkdir()
    for name, data in files:
        (folder / name).write_bytes(data)
    there = scan(str(folder), shown="folder")
    unknown = Unknown()
    for file in there.files:
        unknown.look(file, Path(file.full).read_bytes())
    return measure_files(there, "model"), measure_files(there, "model", unknown=unknown.paths), unknown.paths


def test_what_no_inspector_knows_is_not_opened_and_changes_nothing(tmp_path: Path) -> None:
    files = [
        ("a.bin", NOISE),
        ("b.bin", PICKLE),
        ("config.json", b'{"architectures":["X"]}'),
        ("d.csv", CSV),
        ("e", b""),
    ]
    opened, left_out, unknown = measured(tmp_path / "x", files)
    assert opened == left_out
    assert opened.facts["architecture"] == "X"
    assert unknown == {"a.bin", "e"}


@pytest.mark.parametrize("known", [2, 3])
def test_what_is_behind_the_last_file_that_is_looked_into_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: int
) -> None:
    monkeypatch.setattr(facts, "FILES_MAX", 2)
    files = [*((f"{number}.csv", CSV) for number in range(known)), ("z.bin", NOISE)]
    opened, left_out, _ = measured(tmp_path / "x", files)
    assert opened == left_out
    assert opened.facts["partial"] is True
