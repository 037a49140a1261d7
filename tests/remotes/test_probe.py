"""The probe tells a place that keeps its word from one that does not, and leaves nothing behind."""

from pathlib import Path

import pytest

from pacha.base.files import Durability
from pacha.remotes.folder import FolderRemote
from pacha.remotes.opening import open_place
from pacha.remotes.options import Options
from pacha.remotes.probe import Lies, Probe, check_fit, probe_remote
from pacha.remotes.remote import AccessDenied, ReadOnlyRemote, Remote, Unreachable
from tests.remotes import servers
from tests.remotes.stub import stub


def bucket(endpoint: str) -> Remote:
    return open_place("s3://pacha/x", Options(endpoint=endpoint, stall_seconds=10))


HONEST = Probe(create=True, race=True, range=True, list=True)


def test_a_folder_keeps_its_word(tmp_path: Path) -> None:
    remote = FolderRemote(str(tmp_path / "remote"))
    assert probe_remote(remote) == HONEST
    assert list(remote.list("probe/")) == []


def test_an_honest_server_keeps_its_word(moto: str) -> None:
    remote = bucket(moto)
    probe = probe_remote(remote)
    assert probe == HONEST
    check_fit(remote, probe)
    assert list(remote.list("probe/")) == []


def test_a_server_that_honours_if_none_match_alone_is_enough(localbucket: str) -> None:
    assert probe_remote(bucket(localbucket)) == HONEST


def test_a_server_that_ignores_conditions_is_refused() -> None:
    with stub(conditions=False) as server:
        remote = bucket(server.endpoint)
        probe = probe_remote(remote)
        assert not probe.create
        assert not probe.race
        with pytest.raises(Lies, match="overwrites a value") as refused:
            check_fit(remote, probe)
        assert refused.value.exit_code == 8
        assert server.values == {}


def test_the_stub_is_honest_unless_it_is_told_otherwise() -> None:
    with stub() as server:
        assert probe_remote(bucket(server.endpoint)) == HONEST


@pytest.mark.parametrize("told", [{"ranges": False}, {"widens": True}])
def test_a_server_that_gives_another_range_is_refused(told: dict[str, bool]) -> None:
    with stub(**told) as server:
        probe = probe_remote(bucket(server.endpoint))
        assert probe.faults == ("does not give the part of a value that is asked for",)


def test_a_server_that_does_not_list_is_refused() -> None:
    with stub(lists=False) as server:
        assert not probe_remote(bucket(server.endpoint)).list


def test_a_server_that_looks_and_then_writes_loses_a_race(tmp_path: Path) -> None:
    class Racing(FolderRemote):
        def create(self, key: str, data: bytes) -> bool:
            if self.size(key) is not None:
                return False
            return self.create(f"{key}.{data[:4].hex()}", data) if key.count(".") == 1 else super().create(key, data)

    probe = probe_remote(Racing(str(tmp_path / "remote"), durability=Durability.NONE))
    assert probe.create
    assert not probe.race


def test_no_access_is_told_as_that_and_not_as_a_lie() -> None:
    with stub(refusal=403) as server, pytest.raises(AccessDenied, match="HTTP 403") as refused:
        probe_remote(bucket(server.endpoint))
    assert "AWS_ACCESS_KEY_ID" in (refused.value.hint or "")


def test_a_server_that_is_not_there_is_told_as_that() -> None:
    with pytest.raises(Unreachable, match="cannot be reached"):
        probe_remote(
            open_place("s3://pacha/x", Options(endpoint=f"http://127.0.0.1:{servers.free_port()}", stall_seconds=1))
        )


def test_a_place_that_is_only_read_is_not_probed(nginx: str) -> None:
    with pytest.raises(ReadOnlyRemote):
        probe_remote(open_place(nginx))


def test_s3rver_is_refused() -> None:
    with servers.s3rver("pacha") as endpoint:
        probe = probe_remote(bucket(endpoint))
        assert not probe.create
        assert not probe.range
