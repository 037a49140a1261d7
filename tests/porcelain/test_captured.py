"""What is captured of an environment: versions, packages, lock files, and no secret."""

import os
from importlib import metadata
from pathlib import Path

import pytest

from pacha.base.canonical import encode_compact, encode_lines
from pacha.base.ids import hash_bytes
from pacha.objects.manifest import FACTS_BYTES_MAX
from pacha.porcelain.captured import CapturedEnvironment, capture_environment, looks_secret
from pacha.repo.environment import Environment


def capture(
    folder: Path, top: Path, variables: dict[str, str] | None = None, names: tuple[str, ...] = ()
) -> CapturedEnvironment:
    environment = Environment(variables=variables or {}, user_id=0, home="/")
    return capture_environment(environment, folder=str(folder), top=str(top), variables=names)


def test_versions_and_packages_are_those_of_this_process(tmp_path: Path) -> None:
    captured = capture(tmp_path, tmp_path)
    assert captured.python_version.startswith("3.") and captured.implementation
    assert captured.packages["blake3"] == metadata.version("blake3") and list(captured.packages) == sorted(
        captured.packages
    )
    assert all("_" not in name for name in captured.packages)


def test_lock_files_are_found_upwards_and_the_nearest_counts(tmp_path: Path) -> None:
    folder = tmp_path / "top" / "recipes" / "deep"
    folder.mkdir(parents=True)
    for path, text in (
        ("poetry.lock", "out"),
        ("top/uv.lock", "far"),
        ("top/requirements.txt", "r"),
        ("top/recipes/uv.lock", "near"),
    ):
        (tmp_path / path).write_text(text)
    captured = capture(folder, tmp_path / "top")
    assert [(lock.path, lock.digest, lock.size) for lock in captured.lock_files] == [
        ("recipes/uv.lock", hash_bytes(b"near"), 4),
        ("requirements.txt", hash_bytes(b"r"), 1),
    ]


def test_links_pipes_and_folders_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    os.symlink(tmp_path / "secret", tmp_path / "uv.lock")
    os.mkfifo(tmp_path / "poetry.lock")
    (tmp_path / "pdm.lock").mkdir()
    assert capture(tmp_path, tmp_path).lock_files == ()
    assert capture(tmp_path / "nowhere", tmp_path).lock_files == ()


def test_only_named_variables_are_kept_and_no_secret(tmp_path: Path) -> None:
    variables = {
        "OMP_NUM_THREADS": "4", "TOKENIZERS_PARALLELISM": "false", "HF_TOKEN": "hf_x", "UNNAMED": "x",
        "DATABASE_URL": "postgres://me:pw@host/db", "LONG": "x" * 9999,
    }  # fmt: skip
    names = ("OMP_NUM_THREADS", "TOKENIZERS_PARALLELISM", "HF_TOKEN", "DATABASE_URL", "LONG", "NOT_SET")
    captured = capture(tmp_path, tmp_path, variables, names)
    assert captured.variables == {
        "DATABASE_URL": None, "HF_TOKEN": None, "LONG": "x" * 1024, "OMP_NUM_THREADS": "4", "TOKENIZERS_PARALLELISM": "false",
    }  # fmt: skip
    assert b"hf_x" not in encode_compact(captured.captured_document()) and b"pw@" not in encode_compact(
        captured.captured_document()
    )


@pytest.mark.parametrize(
    ("name", "value", "is_secret"),
    [
        ("API_KEY", "", True), ("api-key", "", True), ("WANDB_API_KEY", "", True), ("AWS_SECRET_ACCESS_KEY", "", True), ("MYTOKEN", "", True),
        ("DB_PASSWORD", "", True), ("MYSQL_PWD", "", True), ("SSH_AUTH_SOCK", "", True), ("SENTRY_DSN", "", True), ("X", "-----BEGIN RSA", True),
        ("X", "ghp_0123456789abcdefghij", True), ("X", "https://u:p@h/", True), ("X", "AKIA0123456789ABCDEF", True),
        ("TOKENIZERS_PARALLELISM", "false", False), ("AUTHOR", "Ada", False), ("KEYBOARD", "us", False), ("PATH", "/bin:/usr/bin", False),
        ("CUDA_VISIBLE_DEVICES", "0,1", False), ("HTTP_PROXY", "http://proxy:3128", False),
    ],
)  # fmt: skip
def test_what_looks_secret(name: str, value: str, is_secret: bool) -> None:
    assert looks_secret(name, value) is is_secret


def test_the_summary_fits_into_a_manifest(tmp_path: Path) -> None:
    for name in ("uv.lock", "poetry.lock", "requirements.txt"):
        (tmp_path / name).write_text(name)
    summary = capture(tmp_path, tmp_path).captured_summary()
    assert len(encode_lines(summary)) < FACTS_BYTES_MAX // 2 and set(summary["lock_hashes"]) == {
        "uv.lock",
        "poetry.lock",
        "requirements.txt",
    }
