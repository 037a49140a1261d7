"""References as older programs wrote them: `pacha://[host/]name[:version][@sha256:hex]`, `file://…`, `name:version`."""

import hashlib
import shutil

import pytest

from pacha.registry.revspec import BadRevision, parse_revision
from tests.conftest import Project

CSV = "a,b\n1,2\n"
SHA256 = hashlib.sha256(CSV.encode()).hexdigest()


@pytest.fixture
def rows(project: Project) -> Project:
    project.commit("data/rows.csv", CSV, "--tag", "1.0.0")
    return project


@pytest.mark.parametrize(
    "text",
    [
        "pacha://rows:1.0.0", "pacha://rows", "pacha://data/rows:1.0.0", "pacha://rows:latest", "rows:1.0.0",
        f"pacha://rows@sha256:{SHA256}", f"pacha://rows:1.0.0@sha256:{SHA256[:8]}", "file://./data/rows.csv",
        "file://data/rows.csv",
    ],
)  # fmt: skip
def test_an_old_uri_names_what_it_named(rows: Project, text: str) -> None:
    assert rows("cat", text).raw == CSV.encode()


def test_an_absolute_file_uri_is_a_path(rows: Project) -> None:
    assert rows("show", f"file://{rows.path}/data/rows.csv", "--json").data["artifact"] == "data/rows"
    assert "no artifact lives" in rows("show", "file://nowhere.csv", code=3).err


@pytest.mark.parametrize("pin", ["sha256:" + "0" * 64, "sha256:00000000", "b3:" + "0" * 64])
def test_a_digest_in_a_uri_is_checked_never_ignored(rows: Project, pin: str) -> None:
    for words in (("cat",), ("show",), ("verify",)):
        assert "pin does not fit" in rows(*words, f"pacha://rows:1.0.0@{pin}", code=5).err


@pytest.mark.parametrize("pin", ["sha256:123", "sha256:xyz", "md5:" + "0" * 32, "sha256:" + "0" * 65])
def test_a_digest_that_is_none_is_refused(rows: Project, pin: str) -> None:
    rows("show", f"pacha://rows:1.0.0@{pin}", code=2)


def test_a_pin_of_bytes_that_are_not_here_is_not_taken_on_trust(rows: Project) -> None:
    shutil.rmtree(rows.path / ".pacha/objects/pack")
    rows("show", "pacha://rows:1.0.0", code=0)
    assert rows("show", f"pacha://rows:1.0.0@sha256:{SHA256}", code=None).code == 3


@pytest.mark.parametrize(
    "text",
    [
        "pacha://registry.example.com/llama3:1.0.0", "pacha://registry.example.com/llama3", "pacha://host/data/rows",
        "pacha://localhost:8080/llama3:1.0.0", "pacha://host/llama3@sha256:" + "0" * 64,
    ],
)  # fmt: skip
def test_a_host_is_refused_by_name(text: str) -> None:
    with pytest.raises(BadRevision, match="names the host") as error:
        parse_revision(text)
    assert error.value.hint is not None and "leave the host out" in error.value.hint


def test_a_kind_and_a_selector_are_never_a_host() -> None:
    assert parse_revision("pacha://model/fraud/weights.bin").path == "weights.bin"
    assert parse_revision("pacha://fraud:1.0.0/weights.bin").path == "weights.bin"
    assert parse_revision("fraud/weights.bin").path == "weights.bin"
