"""A URL opens the kind of place that it names, or nothing."""

import os
from pathlib import Path

import pytest

from pacha.base.errors import Usage
from pacha.remotes.bucket import BucketRemote
from pacha.remotes.folder import FolderRemote
from pacha.remotes.opening import UnknownScheme, open_remote, openers
from pacha.remotes.options import Options
from pacha.remotes.static import StaticRemote


def test_each_kind_of_place_is_found_by_its_scheme() -> None:
    assert {"", "file", "http", "https", "s3", "gs", "az"} <= set(openers())


@pytest.mark.parametrize("url", ["ftp://host/x", "ssh://host/x", "s4://bucket", "pacha://x", "nosuch+http://host"])
def test_an_unknown_scheme_is_never_taken_for_a_folder(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownScheme) as refused:
        open_remote(url)
    assert refused.value.exit_code == 2
    assert "s3://" in (refused.value.hint or "")
    assert os.listdir(tmp_path) == []


def test_paths_are_taken_as_people_write_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ada")
    for text, path in {
        "shared": f"{tmp_path}/shared",
        "../shared": f"{tmp_path.parent}/shared",
        "~/shared": "/home/ada/shared",
        "/mnt/x": "/mnt/x",
        "file:///mnt/team%20share": "/mnt/team share",
        "file://localhost/mnt/x": "/mnt/x",
        "FILE:///mnt/x": "/mnt/x",
        "C:/x": f"{tmp_path}/C:/x",
    }.items():
        remote = open_remote(text)
        assert isinstance(remote, FolderRemote)
        assert remote.url == path


@pytest.mark.parametrize("url", ["file://host/share", "", "a\0b", "file://", "s3://", "s3:///x", "s3://key:secret@bucket/x",
                                 "s3://bucket/x?AWS_SECRET_ACCESS_KEY=secret", "s3://bucket/a/../b", "s3://bucket/a//b",
                                 "https://host/x?token=secret"])  # fmt: skip
def test_a_place_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Usage) as refused:
        open_remote(url)
    assert "secret" not in f"{refused.value} {refused.value.hint} {refused.value.nouns}"


def test_buckets_and_servers_are_opened_without_being_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "c2VjcmV0")
    for url in ("s3://bucket/x", "S3://bucket", "gs://bucket/a/b/", "az://container/x"):
        assert isinstance(open_remote(url, Options(anonymous=url.startswith("gs"))), BucketRemote)
    assert isinstance(open_remote("https://models.example.org/fraud"), StaticRemote)
