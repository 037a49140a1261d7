"""A URL opens the kind of place that it names, or nothing."""

import os
from pathlib import Path

import pytest

from pacha.base.errors import Usage
from pacha.remotes.bucket import BucketRemote
from pacha.remotes.folder import FolderRemote
from pacha.remotes.opening import UnknownScheme, check_place, open_place, openers
from pacha.remotes.options import BadSetting, Options, options_of
from pacha.remotes.static import StaticRemote
from tests.conftest import Project


def test_each_kind_of_place_is_found_by_its_scheme() -> None:
    assert {"", "file", "http", "https", "s3", "gs", "az"} <= set(openers())


@pytest.mark.parametrize("url", ["ftp://host/x", "ssh://host/x", "s4://bucket", "pacha://x", "nosuch+http://host"])
def test_an_unknown_scheme_is_never_taken_for_a_folder(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownScheme) as refused:
        open_place(url)
    assert refused.value.exit_code == 2
    assert "s3://" in (refused.value.hint or "")
    assert os.listdir(tmp_path) == []


def test_paths_are_taken_as_people_write_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ada")
    for text, path in {
        "shared": f"{tmp_path}/shared",
        "../bucket": f"{tmp_path.parent}/bucket",
        "~/shared": "/home/ada/shared",
        "/mnt/x": "/mnt/x",
        "file:///mnt/team%20share": "/mnt/team share",
        "file://localhost/mnt/x": "/mnt/x",
        "FILE:///mnt/x": "/mnt/x",
        "C:/x": f"{tmp_path}/C:/x",
    }.items():
        remote = open_place(text)
        assert isinstance(remote, FolderRemote)
        assert remote.url == path


@pytest.mark.parametrize("url", ["file://host/share", "", "a\0b", "file://", "s3://", "s3:///x", "s3://key:secret@bucket/x",
                                 "s3://bucket/x?AWS_SECRET_ACCESS_KEY=secret", "s3://bucket/a/../b", "s3://bucket/a//b",
                                 "https://host/x?token=secret"])  # fmt: skip
def test_a_place_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Usage) as refused:
        open_place(url)
    assert "secret" not in f"{refused.value} {refused.value.hint} {refused.value.nouns}"


@pytest.mark.parametrize("url", ["s3://key:secret@bucket/x", "https://host/?token=secret", "gopher://host/x"])
def test_a_place_with_credentials_is_not_written_down(url: str, project: Project, user: Path) -> None:
    with pytest.raises(Usage):
        check_place(url)
    answer = project("remote", "add", "origin", url, code=2)
    assert "secret" not in answer.out + answer.err
    assert not any("secret" in path.read_text("utf-8", "replace") for path in user.rglob("*") if path.is_file())


def test_buckets_and_servers_are_opened_without_being_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "c2VjcmV0")
    for url in ("s3://bucket/x", "S3://bucket", "gs://bucket/a/b/", "az://container/x"):
        assert isinstance(open_place(url, Options(anonymous=url.startswith("gs"))), BucketRemote)
    assert isinstance(open_place("https://models.example.org/fraud"), StaticRemote)


def test_settings_are_a_whitelist_without_credentials() -> None:
    found = options_of("s3://b/x", {"endpoint": "https://x", "region": "here", "path_style": True}, {})
    assert (found.endpoint, found.region, found.path_style, found.allow_http) == ("https://x", "here", True, False)
    for name, value in (
        ("token", "x"),
        ("proxy", "x"),
        ("access_key_id", "x"),
        ("region", True),
        ("allow_http", "yes"),
    ):
        with pytest.raises(BadSetting):
            options_of("s3://b/x", {name: value}, {})


def test_a_token_is_for_the_host_that_it_names() -> None:
    variables = {"PACHA_TOKEN": "models.example.org=abc= other.example.org:8443=def [::1]:80=ghi"}
    for url, token in {
        "https://models.example.org/x": "abc=",
        "https://MODELS.example.org": "abc=",
        "pacha+https://models.example.org/": "abc=",
        "https://models.example.org:444/x": None,
        "https://models.example.org.evil.example/x": None,
        "https://evil.example/models.example.org": None,
        "https://other.example.org:8443/": "def",
        "http://[::1]:80/": "ghi",
        "s3://bucket/x": None,
        "/mnt/x": None,
    }.items():
        assert options_of(url, {}, variables).token == token, url
    assert options_of("https://models.example.org", {}, {}).token is None
    for bad in ("secret", "=secret", "host=", "ho/st=secret", "a=b secret"):
        with pytest.raises(BadSetting) as refused:
            options_of("https://a", {}, {"PACHA_TOKEN": bad})
        assert "secret" not in f"{refused.value} {refused.value.hint}"


def test_proxies_are_those_of_the_environment() -> None:
    variables = {"https_proxy": "http://p:1", "HTTP_PROXY": "http://evil:1", "no_proxy": "spared.org, .inner"}
    for url, proxy in {
        "https://models.example.org/x": "http://p:1",
        "pacha+https://models.example.org/x": "http://p:1",
        "https://spared.org/x": None,
        "https://a.spared.org/x": None,
        "https://notspared.org/x": "http://p:1",
        "https://x.inner": None,
        "https://127.0.0.1:80/x": None,
        "http://models.example.org": None,
        "s3://bucket": None,
    }.items():
        assert options_of(url, {}, variables).proxy == proxy, url
