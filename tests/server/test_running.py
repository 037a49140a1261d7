"""Where a server may listen, and a real one: pushed to by its client, and stopped."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pacha.remotes.log import read_state
from pacha.remotes.options import Options
from pacha.remotes.remote import AccessDenied, NoSuchKey, RemoteRefused
from pacha.remotes.served import ServedRemote, open_remote
from pacha.server.running import Binding, Exposed, check_binding
from tests.conftest import Project, run_here
from tests.server.conftest import contents, push


@pytest.mark.parametrize(
    ("binding", "has_tokens", "is_fine"),
    [
        (Binding(), True, True),
        (Binding(), False, False),
        (Binding(is_public=True), False, True),
        (Binding(host="::1"), True, True),
        (Binding(host="localhost"), True, True),
        (Binding(host="0.0.0.0"), True, False),
        (Binding(host="::"), True, False),
        (Binding(host="registry.example.com"), True, False),
        (Binding(host="0.0.0.0", certificate="c", key="k"), True, True),
        (Binding(host="0.0.0.0", certificate="c", key="k"), False, False),
        (Binding(host="0.0.0.0", certificate="c", key="k", is_public=True), True, False),
        (Binding(host="0.0.0.0", is_insecure=True), True, True),
        (Binding(host="0.0.0.0", is_insecure=True, is_public=True), False, True),
        (Binding(host="0.0.0.0", is_insecure=True), False, False),
        (Binding(certificate="c"), True, False),
    ],
)
def test_beyond_this_machine_there_are_tokens_and_tls(binding: Binding, has_tokens: bool, is_fine: bool) -> None:
    if is_fine:
        check_binding(binding, has_tokens=has_tokens)
    else:
        with pytest.raises(Exposed):
            check_binding(binding, has_tokens=has_tokens)


def made_token(folder: Path, *words: str) -> str:
    answer = run_here(["serve", "token", "create", str(folder), *words])
    assert answer.code == 0, answer.err
    return answer.out.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "remote"
    made.mkdir()
    return made


@pytest.fixture
def server(folder: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """A real server on a port that was free."""
    made_token(folder)
    process = subprocess.Popen(
        [sys.executable, "-m", "pacha", "serve", str(folder), "--port", "0", "--access-log", f"{folder}.log"],
        stderr=subprocess.PIPE, text=True, env={**os.environ, "PACHA_DURABILITY": "none"},
    )  # fmt: skip
    assert process.stderr is not None
    match = re.search(r"pacha\+http://\S+/", process.stderr.readline())
    assert match is not None
    yield match.group(0), process
    process.terminate()
    process.wait(20)
    process.stderr.close()


def test_a_server_is_pushed_to_and_stops_when_told(
    folder: Path, server: tuple[str, "subprocess.Popen[str]"], model: Project
) -> None:
    url, process = server
    token = made_token(folder, "--role", "push", "--label", "ci")
    remote = open_remote(url, Options(token=token))
    pushed = push(model.workspace(), remote)
    assert read_state(remote).refs == pushed.refs
    key, data = next(iter(contents_of(remote).items()))
    assert remote.get_range(key, 3, 5) == data[3:8]
    assert remote.capabilities()["may"] == "push"
    with pytest.raises(NoSuchKey):
        remote.get("log/00000099", size_max=1)
    assert not remote.create("log/00000001", b"another")
    assert not remote.create("checkpoints/00000256", b"the server's own")
    with pytest.raises(RemoteRefused, match="damaged"):
        remote.create("log/00000002", b"no entry")
    with pytest.raises(AccessDenied, match="may not keep the server in order"):
        remote.delete(key)
    for bad in (Options(), Options(token=token[:-3] + "xyz")):
        with pytest.raises(AccessDenied):
            open_remote(url, bad).get(key, size_max=1 << 20)
    run_here(["serve", "token", "revoke", str(folder), token.split("_")[1]])
    with pytest.raises(AccessDenied):
        open_remote(url, Options(token=token)).get(key, size_max=1 << 20)
    remote.close()
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    log = Path(f"{folder}.log").read_text()
    assert token.split("_")[1] in log and token.split("_", 2)[2] not in log


def contents_of(remote: ServedRemote) -> dict[str, bytes]:
    return contents(remote, "packs/")  # type: ignore[arg-type]


def test_a_connection_that_says_nothing_does_not_keep_others_waiting(
    folder: Path, server: tuple[str, "subprocess.Popen[str]"]
) -> None:
    url, _ = server
    host, port = url.removeprefix("pacha+http://").rstrip("/").split(":")
    silent = [socket.create_connection((host, int(port))) for _ in range(50)]
    for each in silent[:25]:
        each.sendall(b"GET / HTTP/1.1\r\nHost: lo")
    remote = open_remote(url, Options(token=made_token(folder)))
    assert list(remote.list("log/")) == []
    for each in silent:
        each.close()


def test_tokens_are_listed_without_their_secrets(folder: Path) -> None:
    token = made_token(folder, "--role", "push", "--refs", "model/fraud*", "--label", "ci")
    answer = run_here(["serve", "token", "list", str(folder)])
    assert token.split("_")[1] in answer.out and token.split("_", 2)[2] not in answer.out
    assert run_here(["serve", "token", "revoke", str(folder), "000000000000"]).code == 3
    assert run_here(["serve", "token", "create", str(folder), "--refs", "../x"]).code == 2


def test_a_folder_of_tokens_that_others_may_read_is_refused(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "tokens"
    place.mkdir(mode=0o755)
    answer = run_here(["serve", "token", "create", str(folder), "--tokens", str(place)])
    assert answer.code == 6 and "chmod 700" in answer.err
