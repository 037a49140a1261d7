"""What is sent is looked at before anybody else sees it; what is not as it says leaves nothing behind."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pacha.base.files import Durability
from pacha.base.ids import ObjectId, hash_bytes
from pacha.objects.types import Link, Storage
from pacha.remotes import sending, upload
from pacha.remotes.entries import LogEntry, Update, chained, encode_file
from pacha.remotes.folder import FolderRemote
from pacha.remotes.keys import index_key, pack_key
from pacha.remotes.log import read_state
from pacha.remotes.sending import made
from pacha.server import checking
from pacha.server.limits import Limits
from pacha.server.tokens import Role
from pacha.store.codec.zstd import ZstdCodec
from pacha.store.outgoing import MadeRecord, OutgoingPack
from pacha.store.packindex import PackIndex, Row, encode_index
from tests.conftest import Project
from tests.server.asgi import Asked
from tests.server.conftest import (
    NOW,
    Served,
    a_link,
    a_ref,
    contents,
    first_entry,
    push,
    send_entry,
    send_packs,
)


@pytest.fixture
def asked(served: Served) -> Asked:
    return served.asked(served.token())


def seen(served: Served) -> list[str]:
    """Every file of the served folder that others see."""
    found = [str(path.relative_to(served.folder)) for path in served.folder.rglob("*") if path.is_file()]
    assert not [name for name in found if name.startswith("tmp/")], "an unfinished file stayed"
    return sorted(found)


# -- packs and indexes -------------------------------------------------------------------------------------------------


def test_a_push_is_taken_and_can_be_read(served: Served, asked: Asked, staged: FolderRemote) -> None:
    send_packs(staged, asked)
    assert asked("PUT", "/r/format", b"pacha 1\nid 00\n").status == 201
    assert send_entry(asked, first_entry(staged)).status == 201
    assert read_state(served.remote).refs == read_state(staged).refs
    assert contents(served.remote, "packs/") == contents(staged, "packs/")


def one_pack(remote: FolderRemote, storage: Storage) -> tuple[str, bytes]:
    pack = next(pack for pack in first_entry(remote).packs_added if pack.storage is storage)
    return pack_key(pack.id), remote.get(pack_key(pack.id), size_max=1 << 30)


@pytest.mark.parametrize("storage", list(Storage))
def test_a_pack_of_which_a_byte_is_another_is_refused(
    served: Served, asked: Asked, staged: FolderRemote, storage: Storage
) -> None:
    key, data = one_pack(staged, storage)
    for at in [*range(0, len(data), max(1, len(data) // 100)), len(data) - 1]:
        answer = asked("PUT", f"/r/{key}", data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert answer.status == 422, at
        assert str(served.folder) not in answer.body.decode()
    assert seen(served) == []


def test_a_pack_that_is_cut_short_is_refused_at_every_length(
    served: Served, asked: Asked, staged: FolderRemote
) -> None:
    key, data = one_pack(staged, Storage.META)
    for length in range(0, len(data), 7):
        assert asked("PUT", f"/r/{key}", data[:length]).status == 422
    assert asked("PUT", f"/r/{key}", data + b"\0").status == 422
    assert asked("PUT", f"/r/{pack_key(hash_bytes(b'x'))}", data).status == 422
    assert seen(served) == []


def sent(asked: Asked, *records: MadeRecord) -> int:
    pack = OutgoingPack(list(records))
    return asked("PUT", f"/r/{pack_key(pack.id)}", b"".join(bytes(piece) for piece in pack.pieces())).status


def test_a_record_whose_bytes_do_not_have_its_id_is_refused(served: Served, asked: Asked) -> None:
    """Else others would take it for here, and not send the true one."""
    good = made(ZstdCodec(), "blob", hash_bytes(b"x" * 100), b"x" * 100)
    lying = made(ZstdCodec(), "blob", hash_bytes(b"other"), b"x" * 100)
    assert sent(asked, lying) == 422
    assert sent(asked, good, lying) == 422
    assert sent(asked, MadeRecord(replace(good.header, type="pickle"), good.stored)) == 422
    assert sent(asked, MadeRecord(replace(good.header, codec=200), good.stored)) == 422
    assert sent(asked) == 422
    assert seen(served) == []
    assert sent(asked, good) == 201


def test_a_document_that_is_not_one_is_refused(served: Served, asked: Asked) -> None:
    for type_name, data in (("manifest", b"{}"), ("tree", b"[]"), ("tag", b'{"type": "tag"}\n'), ("move", b"\xff")):
        assert sent(asked, made(ZstdCodec(), type_name, hash_bytes(data), data)) == 422
    assert seen(served) == []


def test_an_index_is_named_by_its_bytes(served: Served, asked: Asked) -> None:
    data = encode_index([])
    assert asked("PUT", f"/r/{index_key(hash_bytes(b'x'))}", data).status == 422
    assert asked("PUT", f"/r/{index_key(hash_bytes(b'no index'))}", b"no index").status == 422
    assert asked("PUT", f"/r/{index_key(hash_bytes(data))}", data).status == 201


# -- entries -----------------------------------------------------------------------------------------------------------


def test_an_entry_is_created_once(asked: Asked, staged: FolderRemote) -> None:
    send_packs(staged, asked)
    entry = first_entry(staged)
    assert send_entry(asked, entry).status == 201
    assert send_entry(asked, entry).status == 200, "the same again after a lost answer"
    assert send_entry(asked, replace(entry, nonce="other")).status == 412


def test_an_entry_that_is_not_the_next_is_refused(asked: Asked, staged: FolderRemote) -> None:
    entry = first_entry(staged)
    assert send_entry(asked, replace(entry, number=2, prev=hash_bytes(b"x"))).status == 409
    send_packs(staged, asked)
    assert send_entry(asked, entry).status == 201
    assert send_entry(asked, LogEntry(number=2, prev=hash_bytes(b"x"), writer="x", nonce="n", time=NOW)).status == 422
    assert asked("PUT", "/r/log/00000002", encode_file(chained(entry), ())).status == 422
    assert asked("PUT", "/r/log/00000000", encode_file(chained(entry), ())).status == 422
    assert asked("PUT", "/r/log/readme", b"hello").status == 422


def test_an_entry_that_is_cut_or_flipped_is_refused(asked: Asked, staged: FolderRemote) -> None:
    send_packs(staged, asked)
    data = encode_file(chained(first_entry(staged)), ())
    for at in range(0, len(data), 5):
        assert asked("PUT", "/r/log/00000001", data[:at]).status == 422
        assert asked("PUT", "/r/log/00000001", data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]).status == 422
    assert asked("PUT", "/r/log/00000001", data).status == 201


def without_an_index(entry: LogEntry) -> LogEntry:
    return replace(entry, indexes_added=())


def without_packs(entry: LogEntry) -> LogEntry:
    return replace(entry, packs_added=(), indexes_added=())


def with_another_size(entry: LogEntry) -> LogEntry:
    return replace(entry, packs_added=tuple(replace(pack, size=pack.size + 1) for pack in entry.packs_added))


def with_another_class(entry: LogEntry) -> LogEntry:
    return replace(entry, packs_added=tuple(replace(pack, storage=Storage.DATA) for pack in entry.packs_added))


def without_the_manifest(entry: LogEntry) -> LogEntry:
    """The refs alone, and the tag's pack is not there."""
    meta = tuple(pack for pack in entry.packs_added if pack.storage is Storage.DATA)
    return replace(entry, packs_added=meta)


def with_a_ref_to_nothing(entry: LogEntry) -> LogEntry:
    return replace(entry, updates=(Update(ref=a_ref(), new=a_link()),))


def with_a_ref_of_another_type(entry: LogEntry) -> LogEntry:
    return replace(entry, updates=tuple(replace(update, new=Link("blob", hash_bytes(b""))) for update in entry.updates))


def with_one_ref_twice(entry: LogEntry) -> LogEntry:
    return replace(entry, updates=(*entry.updates, entry.updates[0]))


def with_another_body(entry: LogEntry) -> LogEntry:
    return replace(entry, updates=tuple(replace(update, body=b"{}") for update in entry.updates))


def under_another_name(entry: LogEntry) -> LogEntry:
    """What was made for one artifact, published as another."""
    text = {update: str(update.ref).replace("/fraud/", "/other/") for update in entry.updates}
    return replace(entry, updates=tuple(replace(each, ref=type(each.ref)(text[each])) for each in entry.updates))


@pytest.mark.parametrize(
    "change",
    [
        without_an_index, without_packs, with_another_size, with_another_class, without_the_manifest, with_a_ref_to_nothing,
        with_a_ref_of_another_type, with_one_ref_twice, with_another_body, under_another_name,
    ],
)  # fmt: skip
def test_an_entry_that_does_not_tell_the_truth_is_refused(
    served: Served, asked: Asked, staged: FolderRemote, change: Callable[[LogEntry], LogEntry]
) -> None:
    send_packs(staged, asked)
    answer = send_entry(asked, change(first_entry(staged)))
    assert answer.status == 422, answer.body
    assert read_state(served.remote).number == 0
    assert send_entry(asked, first_entry(staged)).status == 201


def test_an_index_that_lies_about_its_packs_is_refused(asked: Asked, staged: FolderRemote) -> None:
    send_packs(staged, asked)
    entry = first_entry(staged)
    held = entry.packs_added[0]
    forged = encode_index([(held.id, ())])
    assert asked("PUT", f"/r/{index_key(hash_bytes(forged))}", forged).status == 201
    index = replace(entry.indexes_added[0], id=hash_bytes(forged), size=len(forged))
    assert send_entry(asked, replace(entry, indexes_added=(index,))).status == 422


def test_a_version_never_changes_and_never_goes(served: Served, asked: Asked, model: Project) -> None:
    push(model.workspace(), served.remote)
    state = read_state(served.remote)
    version = next(ref for ref in state.refs if ref.namespace == "versions")
    head = next(ref for ref in state.refs if ref.namespace == "heads")

    def moved(update: Update) -> int:
        entry = LogEntry(number=2, prev=state.entry, updates=(update,), writer="x", nonce="n", time=NOW)
        return send_entry(asked, entry, state.recent).status

    assert moved(Update(ref=version, old=state.link(version), new=None)) == 403
    assert moved(Update(ref=version, old=state.link(version), new=a_link("tag"))) == 403
    assert moved(Update(ref=version, old=None, new=a_link("tag"))) == 409
    assert moved(Update(ref=head, old=a_link(), new=None)) == 409
    assert read_state(served.remote).number == 1
    assert moved(Update(ref=head, old=state.link(head), new=None)) == 201, "a superseded head is tidied"


def test_a_token_pushes_its_own_refs_alone(served: Served, staged: FolderRemote) -> None:
    entry = first_entry(staged)
    other = served.asked(served.token(Role.PUSH, "model/other*", "data/*"))
    send_packs(staged, other)
    answer = send_entry(other, entry)
    assert (answer.status, answer.json["code"]) == (403, "NotAllowed")
    assert "model/other*" in answer.json["hint"]
    assert send_entry(served.asked(served.token(Role.PUSH, "model/fr?ud*")), entry).status == 201


def test_only_a_keeper_takes_packs_off_the_list(served: Served, asked: Asked, model: Project) -> None:
    state = push(model.workspace(), served.remote)
    pack = next(iter(state.packs))
    entry = LogEntry(number=2, prev=state.entry, packs_removed=(pack,), writer="x", nonce="n", time=NOW)
    assert send_entry(asked, entry, state.recent).status == 403
    keeper = served.asked(served.token(Role.ADMIN))
    assert keeper("DELETE", f"/r/{pack_key(pack)}").status == 403, "the log names it still"
    assert send_entry(keeper, entry, state.recent).status == 201
    assert keeper("DELETE", f"/r/{pack_key(pack)}").status == 204
    assert served.remote.size(pack_key(pack)) is None


def test_the_server_writes_checkpoints_itself(served: Served, asked: Asked, model: Project) -> None:
    state = push(model.workspace(), served.remote)
    assert asked("PUT", "/r/deltas/00000016", b"forged").status == 404
    assert asked("PUT", "/r/checkpoints/00000256", b"forged").status == 404
    for number in range(2, 18):
        entry = LogEntry(number=number, prev=state.entry, writer="x", nonce=str(number), time=NOW)
        assert send_entry(asked, entry, state.recent).status == 201
        state = read_state(served.remote, known=state)
    assert served.remote.size("deltas/00000016") is not None
    os.unlink(served.folder / "deltas" / "00000016")
    served.app()
    assert served.remote.size("deltas/00000016") is not None, "a server that starts catches up"


# -- bodies ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, [b"abc"], 411),
        ({"Transfer-Encoding": "chunked"}, [b"abc"], 411),
        ({"Transfer-Encoding": "chunked", "Content-Length": "3"}, [b"abc"], 400),
        ({"Content-Length": "2"}, [b"abc"], 400),
        ({"Content-Length": "4"}, [b"abc"], 400),
        ({"Content-Length": "-1"}, [b"abc"], 411),
        ({"Content-Length": "٣"}, [b"abc"], 411),
        ({"Content-Length": "9" * 30}, [b"abc"], 411),
        ({"Content-Length": "4097"}, [b"a" * 4097], 413),
        ({"Content-Length": "3", "Content-Encoding": "gzip"}, [b"abc"], 400),
    ],
)
def test_a_body_is_as_long_as_it_says_and_not_too_long(
    served: Served, asked: Asked, headers: dict[str, str], body: list[bytes], status: int
) -> None:
    if not headers.get("Content-Length", "").isascii():
        headers = {"Content-Length": "\xb2"}
    assert asked("PUT", "/r/format", body, headers=headers).status == status
    assert seen(served) == []


def test_a_body_that_does_not_go_on_is_given_up(served: Served) -> None:
    served.limits = Limits(stall_seconds=0.05)
    asked = served.asked(served.token())
    answer = asked("PUT", "/r/format", [b"pacha"], headers={"Content-Length": "10"}, stalls=True)
    assert (answer.status, answer.headers["connection"]) == (408, "close")
    assert seen(served) == []


def test_a_body_that_drips_is_given_up(served: Served) -> None:
    served.limits = Limits(body_grace_seconds=0.0, body_bytes_per_second=1 << 40)
    asked = served.asked(served.token())
    assert asked("PUT", "/r/format", [b"p", b"a"], headers={"Content-Length": "10"}).status == 408


def test_who_asks_too_often_is_told_when_to_come_again(served: Served) -> None:
    served.limits = Limits(requests_per_second=0.001, requests_burst=3)
    asked, other = served.asked(served.token()), served.token()
    assert [asked("GET", "/list/log/").status for _ in range(4)] == [200, 200, 200, 429]
    assert int(asked("GET", "/list/log/").headers["retry-after"]) >= 1
    assert asked("GET", "/list/log/", token=other).status == 200, "others are served"


def test_a_pack_of_more_records_than_a_table_holds_is_refused(
    asked: Asked, staged: FolderRemote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "PACK_RECORDS_MAX", 0)
    sent = [asked("PUT", f"/r/{key}", data) for key, data in contents(staged, "packs/").items()]
    assert {(answer.status, answer.json["message"]) for answer in sent} == {(422, "a pack holds more than 0 records")}


def test_an_index_with_a_row_twice_is_refused(asked: Asked, staged: FolderRemote) -> None:
    """Each record of the pack is in it as it should be; the row too many stands for one of no pack."""
    send_packs(staged, asked)
    entry = first_entry(staged)
    (index,) = entry.indexes_added
    found = PackIndex(staged.get(index_key(index.id), size_max=1 << 20))
    rows: dict[ObjectId, list[Row]] = {pack: [] for pack in found.packs}
    for id, place in found.rows():
        rows[place.pack].append(Row(id, place.offset, place.stored_length, place.plain_length, place.type, place.codec))
    forged = encode_index([(pack, [*each, each[0]]) for pack, each in rows.items()])
    asked("PUT", f"/r/{index_key(hash_bytes(forged))}", forged)
    lie = replace(entry, indexes_added=(replace(index, id=hash_bytes(forged), size=len(forged)),))
    assert send_entry(asked, lie).status == 422
    assert send_entry(asked, entry).status == 201


def test_a_push_of_many_records_has_several_packs_and_indexes(
    asked: Asked, model: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "PART_RECORDS_MAX", 1)
    monkeypatch.setattr(upload, "INDEX_RECORDS_MAX", 2)
    remote = FolderRemote(str(tmp_path / "many"), durability=Durability.NONE)
    state = push(model.workspace(), remote)
    assert len(state.packs) >= 4 and len(state.indexes) == (len(state.packs) + 1) // 2
    send_packs(remote, asked)
    assert send_entry(asked, first_entry(remote)).status == 201
