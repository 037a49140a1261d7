"""What reading a remote costs, counted where it arrives. `python -m tests.benchmarks remotes` counts 10,000 entries."""

import os
from pathlib import Path

import pytest

from pacha.remotes.opening import open_place
from pacha.remotes.options import Options
from tests.conftest import Project, run_here
from tests.remotes.chaos import chaos
from tests.remotes.long import copy, long_remote

ENTRIES = 300
MODEL = os.urandom(50_000)


@pytest.fixture
def bucket(moto: str, project: Project, tmp_path: Path) -> str:
    """A bucket with a long log; the project is the one that pushed to it first."""
    project.write("model.bin", MODEL)
    url = f"s3://pacha/{os.urandom(6).hex()}"
    memory = long_remote(project, tmp_path / "remote", entries=ENTRIES)
    copy(memory, open_place(url, Options(endpoint=moto)))
    return url


def test_a_download_from_a_bucket_asks_little_and_writes_nothing(
    bucket: str, moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with chaos(moto, "pass", 0) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        words = ["-C", str(tmp_path), "model", "download", "fraud:production", "--repo", bucket, "-o", "out.bin"]
        answer = run_here(words)
        assert answer.code == 0, answer.err
    assert (tmp_path / "out.bin").read_bytes() == MODEL
    assert {method for method, _ in proxy.requests} <= {"GET", "HEAD"}
    assert 3 < len(proxy.requests) <= 15, proxy.requests


def test_a_push_with_nothing_to_do_asks_little_and_writes_nothing(
    bucket: str, moto: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    project("push", bucket)
    with chaos(moto, "pass", 0) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        project("push", bucket)
    assert {method for method, _ in proxy.requests} <= {"GET", "HEAD"}
    assert 1 < len(proxy.requests) <= 5, proxy.requests


def test_the_proxy_counts_what_writes(
    bucket: str, moto: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""
    project.commit("rows.csv", "a\n1\n")
    with chaos(moto, "pass", 0) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        project("push", bucket)
    assert "PUT" in {method for method, _ in proxy.requests}
