"""Ids are the plain BLAKE3 of bytes; `b3sum` agrees."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pacha.base.ids import BadId, Hasher, ObjectId, hash_bytes


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 1023, 1024, 1025, 65_536, 1 << 21])
def test_b3sum_agrees(size: int, tmp_path: Path) -> None:
    if shutil.which("b3sum") is None:
        assert "PACHA_CI" not in os.environ, "b3sum must be installed in CI"
        pytest.skip("b3sum is not installed")
    data = bytes(range(251)) * (size // 251 + 1)
    (tmp_path / "file").write_bytes(data[:size])
    said = subprocess.run(["b3sum", str(tmp_path / "file")], capture_output=True, text=True, check=True).stdout.split()[
        0
    ]
    assert hash_bytes(data[:size]).hex == said


def test_pieces_hash_as_the_whole() -> None:
    hasher = Hasher()
    for piece in (b"hello", b"", b" world"):
        hasher.update(piece)
    assert hasher.id() == hash_bytes(b"hello world")


@pytest.mark.parametrize(
    "text",
    ["", "ab", "A" * 64, "g" * 64, "a" * 63, "a" * 65, "٠" * 64, "../" + "a" * 61, "a" * 64 + "\n", "%2e" * 21 + "a"],
)
def test_only_sixty_four_lower_case_digits_are_an_id(text: str) -> None:
    with pytest.raises(BadId):
        ObjectId.parse(text)
