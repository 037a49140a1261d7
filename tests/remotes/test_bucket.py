"""Buckets: where credentials come from, and what goes wrong said in one line."""

from pathlib import Path

import pytest

from pacha.base.errors import PachaError, Usage
from pacha.remotes.aws import BadProfile, read_profile, s3_settings
from pacha.remotes.bucket import open_remote
from pacha.remotes.options import BadUrl, Options
from pacha.remotes.remote import AccessDenied, RemoteRefused
from tests.remotes.servers import free_port
from tests.remotes.stub import Stub, stub


def refused(server: Stub, *, text: str = "") -> PachaError:
    remote = open_remote("s3://pacha/x", Options(endpoint=server.endpoint, stall_seconds=1))
    with pytest.raises(PachaError, match=text) as failed:
        remote.get("format", size_max=10)
    return failed.value


@pytest.mark.parametrize("status", [400, 401, 403, 409, 500, 503])
def test_a_refusal_is_one_line_without_what_the_server_wrote(status: int) -> None:
    with stub(refusal=status) as server:
        error = refused(server, text=f"HTTP {status}")
    assert isinstance(error, AccessDenied if status in (401, 403) else RemoteRefused)
    assert error.exit_code == 8
    said = f"{error.message} {error.hint}"
    assert "\n" not in said
    assert "Debug" not in said
    assert "\x1b" not in said
    assert "S3RVER" not in said


def test_a_bucket_that_does_not_exist_is_no_empty_remote(moto: str) -> None:
    remote = open_remote("s3://no-such-bucket/x", Options(endpoint=moto, stall_seconds=2))
    for ask in (
        lambda: remote.get("format", size_max=10),
        lambda: list(remote.list("log/")),
        lambda: remote.create("format", b""),
    ):
        with pytest.raises(RemoteRefused, match="no such bucket"):
            ask()


def test_what_others_put_into_the_bucket_is_not_listed() -> None:
    with stub() as server:
        for key in ("log/00000001", "log/README.md", "log/a/00000009", "log/x y", "log/00000002"):
            server.values[f"x/{key}"] = b"1"
        remote = open_remote("s3://pacha/x", Options(endpoint=server.endpoint, stall_seconds=5))
        assert [stored.key for stored in remote.list("log/")] == ["log/00000001", "log/00000002"]


def test_a_server_that_is_busy_for_a_moment_is_asked_again() -> None:
    with stub() as server:
        server.values["x/format"] = b"1"
        server.refusals = [503]
        remote = open_remote("s3://pacha/x", Options(endpoint=server.endpoint, stall_seconds=20))
        assert remote.get("format", size_max=10) == b"1"
        assert len(server.asked) == 2


@pytest.mark.parametrize("is_there", [True, False])
def test_no_credentials_at_all_is_told_as_that(is_there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with stub(refusal=404) as metadata, stub() as server:
        nobody = f"http://127.0.0.1:{free_port()}"
        monkeypatch.setenv("AWS_METADATA_ENDPOINT", metadata.endpoint if is_there else nobody)
        error = refused(server, text="no credentials were found")
        assert server.asked == []
    assert isinstance(error, AccessDenied)
    assert "AWS_PROFILE" in (error.hint or "")


def test_an_anonymous_reader_needs_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with stub() as server:
        server.values["x/format"] = b"1"
        remote = open_remote("s3://pacha/x", Options(endpoint=server.endpoint, anonymous=True, stall_seconds=5))
        assert remote.get("format", size_max=10) == b"1"
        assert "authorization" not in server.asked[0][2]


def write(folder: Path, name: str, text: str) -> dict[str, str]:
    (folder / ".aws").mkdir(exist_ok=True)
    (folder / ".aws" / name).write_text(text)
    return {"HOME": str(folder)}


TWO = "[default]\naws_access_key_id = A\naws_secret_access_key = SA\n[team]\naws_access_key_id = T\naws_secret_access_key = ST\n"


def test_keys_come_from_the_profile_that_is_named(tmp_path: Path) -> None:
    there = write(tmp_path, "credentials", TWO)
    write(tmp_path, "config", "[profile team]\nregion = eu-central-1\nendpoint_url = https://s3.example.org\n")
    assert read_profile(there).access_key_id == "A"
    team = read_profile({**there, "AWS_PROFILE": "team"})
    assert (team.access_key_id, team.secret_access_key, team.region) == ("T", "ST", "eu-central-1")
    settings = s3_settings("bucket", Options(variables={**there, "AWS_PROFILE": "team"}))
    assert settings["endpoint"] == "https://s3.example.org"
    assert "ST" not in repr(team)


def test_the_environment_wins_over_files(tmp_path: Path) -> None:
    there = {**write(tmp_path, "credentials", TWO), "AWS_ACCESS_KEY_ID": "E", "AWS_REGION": "us-west-2"}
    write(tmp_path, "config", "[default]\nregion = eu-central-1\n")
    assert read_profile(there).access_key_id is None
    assert "region" not in s3_settings("bucket", Options(variables=there))
    assert s3_settings("bucket", Options(region="here", variables=there))["region"] == "here"


def test_a_request_is_signed_with_the_keys_of_the_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = {**write(tmp_path, "credentials", TWO), "AWS_PROFILE": "team"}
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with stub() as server:
        open_remote("s3://pacha/x", Options(endpoint=server.endpoint, stall_seconds=5, variables=there)).size("format")
        assert "Credential=T/" in server.asked[0][2]["authorization"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[other]\naws_access_key_id=A\n", "no such profile"),
        ("[team]\nsso_session = x\n", "a program or a browser"),
        ("[team]\ncredential_process = /bin/x\n", "a program or a browser"),
        ("aws_secret_access_key = topsecret\n", "not a file of AWS profiles"),
    ],
)
def test_a_profile_that_cannot_be_used_is_told(tmp_path: Path, text: str, what: str) -> None:
    there = {**write(tmp_path, "credentials", text), "AWS_PROFILE": "team"}
    with pytest.raises(BadProfile, match=what) as failed:
        read_profile(there)
    assert "topsecret" not in str(failed.value)


def test_an_endpoint_in_the_open_is_for_this_machine_only() -> None:
    with pytest.raises(BadUrl, match="unencrypted"):
        open_remote("s3://bucket/x", Options(endpoint="http://minio.example.org:9000"))
    open_remote("s3://bucket/x", Options(endpoint="http://minio.example.org:9000", allow_http=True))
    open_remote("s3://bucket/x", Options(endpoint="http://minio.example.org:9000", anonymous=True))
    with pytest.raises(BadUrl, match="unencrypted"):
        open_remote("s3://bucket/x", Options(variables={"AWS_ENDPOINT_URL": "http://minio.example.org:9000"}))


@pytest.mark.parametrize(
    "endpoint", ["ftp://x", "minio:9000", "http://k:secret@host", "https://", "https://h/?secret=1"]
)
def test_an_endpoint_that_is_none_is_refused(endpoint: str) -> None:
    with pytest.raises(Usage) as failed:
        open_remote("s3://bucket/x", Options(endpoint=endpoint))
    assert "secret" not in str(failed.value)


def test_a_bucket_may_be_part_of_the_host() -> None:
    settings = s3_settings("models", Options(endpoint="https://s3.example.org", path_style=False))
    assert settings["endpoint"] == "https://models.s3.example.org"
    assert settings["virtual_hosted_style_request"] is True
