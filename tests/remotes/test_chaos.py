"""Connections that break, stall and lie: what arrives is right, or is one error; it never has another length.

`PACHA_CHAOS=100 python -m pytest tests/remotes/test_chaos.py` harms a hundred offsets of each kind.
"""

import contextlib
import os
import random
import socket
from collections.abc import Callable

import pytest

from pacha.base.errors import NotFound, RemoteFailed
from pacha.base.files import Durability
from pacha.remotes.folder import FolderRemote
from pacha.remotes.opening import open_place
from pacha.remotes.options import Options
from pacha.remotes.remote import BadAnswer, Remote, Unreachable
from tests.remotes.chaos import chaos
from tests.remotes.test_contract import Bytes

OFFSETS = int(os.environ.get("PACHA_CHAOS", "3"))
VALUE = random.Random(0).randbytes(300_000)
START, LENGTH = 100_000, 150_000
#: An answer's head is longer than this, its body reaches beyond the other.
HEAD_BYTES, BODY_BYTES = 150, 140_000
Opener = Callable[[str], Remote]


def offsets(mode: str) -> list[int]:
    """Some in the head, more in the body; always the same ones."""
    chance = random.Random(mode)
    count = OFFSETS // 3 if mode == "stall" else OFFSETS  # each of them takes its time
    return [0, *(chance.randrange(HEAD_BYTES if number % 4 == 1 else BODY_BYTES) for number in range(1, count))]


@pytest.fixture(params=["nginx", "http_server", "moto"])
def place(request: pytest.FixtureRequest) -> tuple[str, Opener]:
    """A server's URL, and what opens a remote on it by another URL."""
    url: str = request.getfixturevalue(request.param)
    options = {"stall_seconds": 1.5}
    name = f"chaos-{request.param}"
    if request.param == "moto":

        def opened(url: str) -> Remote:
            return open_place(f"s3://pacha/{name}", Options(endpoint=url, **options))

        opened(url).put("packs/a.pack", Bytes(VALUE))
        return url, opened
    writer = FolderRemote(str(request.getfixturevalue("web_folder") / name), durability=Durability.NONE)
    writer.put("packs/a.pack", Bytes(VALUE))
    return url, lambda url: open_place(f"{url}/{name}", Options(**options))


READS: dict[str, tuple[Callable[[Remote], bytes], bytes]] = {
    "get": (lambda remote: remote.get("packs/a.pack", size_max=1 << 20), VALUE),
    "get_range": (lambda remote: remote.get_range("packs/a.pack", START, LENGTH), VALUE[START : START + LENGTH]),
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("mode", ["pass", "reset", "truncate", "delay", "stall"])
def test_one_broken_connection_costs_no_failure_and_no_byte(place: tuple[str, Opener], mode: str, read: str) -> None:
    url, opened = place
    ask, right = READS[read]
    for offset in offsets(mode):
        with chaos(url, mode, offset) as proxy:
            assert ask(opened(proxy.url)) == right, (mode, offset)
            assert proxy.harmed >= (mode != "pass")


@pytest.mark.parametrize("mode", ["reset", "truncate", "stall"])
def test_a_connection_that_always_breaks_before_a_byte_is_one_error(place: tuple[str, Opener], mode: str) -> None:
    url, opened = place
    with chaos(url, mode, 0, times=1000) as proxy, pytest.raises(Unreachable) as failed:
        opened(proxy.url).get_range("packs/a.pack", START, LENGTH)
    assert "\n" not in failed.value.message
    assert failed.value.hint


@pytest.mark.parametrize("read", READS)
def test_a_flipped_bit_changes_no_length(place: tuple[str, Opener], read: str) -> None:
    """What it changes is found by the layers above: they know the hash.

    Of a whole value only the server knows the length; one that is wrong in its head is not to be told from a right one.
    """
    url, opened = place
    ask, right = READS[read]
    for offset in (each for each in offsets("flip") if read == "get_range" or each > 1000):
        with chaos(url, "flip", offset) as proxy:
            try:
                assert len(ask(opened(proxy.url))) == len(right), offset
            except (RemoteFailed, NotFound, BadAnswer) as error:
                assert "\n" not in error.message


@pytest.mark.parametrize(("mode", "told"), [("reset", ConnectionResetError), ("truncate", None)])
def test_the_proxy_breaks_as_it_says(nginx: str, mode: str, told: type[Exception] | None) -> None:
    with chaos(nginx, mode, 0) as proxy:
        port = int(proxy.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            with pytest.raises(told) if told else contextlib.nullcontext():
                assert connection.recv(10) == b""


def test_the_proxy_does_harm(place: tuple[str, Opener]) -> None:
    """Whoever trusted what arrives would be wrong."""
    url, opened = place
    with chaos(url, "flip", BODY_BYTES) as proxy:
        found = opened(proxy.url).get("packs/a.pack", size_max=1 << 20)
    assert len(found) == len(VALUE)
    assert found != VALUE


@pytest.mark.parametrize("mode", ["reset", "truncate", "stall"])
def test_a_create_whose_answer_is_lost_has_happened_and_says_so(moto: str, mode: str) -> None:
    options = {"stall_seconds": 3.0}
    name = os.urandom(4).hex()
    with chaos(moto, mode, 0) as proxy:
        remote = open_place(f"s3://pacha/{name}", Options(endpoint=proxy.url, **options))
        assert remote.create("log/00000001", b"mine")
        assert proxy.harmed > 0
    with chaos(moto, mode, 0) as proxy:
        remote = open_place(f"s3://pacha/{name}", Options(endpoint=proxy.url, **options))
        assert not remote.create("log/00000001", b"theirs")


@pytest.mark.parametrize("mode", ["reset", "truncate"])
def test_a_broken_upload_is_sent_again_or_told_as_failed(moto: str, mode: str) -> None:
    data = random.Random(1).randbytes(12 << 20)
    for offset in offsets(mode):
        name = os.urandom(4).hex()
        with chaos(moto, mode, offset % HEAD_BYTES) as proxy:
            open_place(f"s3://pacha/{name}", Options(endpoint=proxy.url)).put("packs/a.pack", Bytes(data))
        assert open_place(f"s3://pacha/{name}", Options(endpoint=moto)).get("packs/a.pack", size_max=1 << 30) == data
