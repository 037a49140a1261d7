"""Refs: what a file may hold, create-if-absent, and many refs at once."""

import os
import threading
from pathlib import Path

import pytest

from pacha.base.files import Durability, Root
from pacha.base.ids import hash_bytes
from pacha.base.owner import Owner
from pacha.objects.types import Link
from pacha.refs.names import RefName
from pacha.refs.store import BadRef, Overlay, RefStore, encode_ref
from pacha.refs.transaction import (
    CHECKOUT_FILE,
    FOLDER,
    StateChange,
    Transaction,
    Writer,
    encode_transaction,
    overlay_of,
    read_journals,
    recover,
)

ONE, TWO = Link("tag", hash_bytes(b"one")), Link("tag", hash_bytes(b"two"))
NAME = RefName("refs/versions/model/x/1.0.0")
HEAD = RefName(f"refs/heads/model/x/{hash_bytes(b'head')}")


@pytest.fixture
def refs(tmp_path: Path) -> RefStore:
    (tmp_path / "local").mkdir()
    return RefStore(Root(str(tmp_path), durability=Durability.NONE))


def put(refs: RefStore, data: bytes) -> None:
    path = Path(refs.root.full(NAME.text))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("data", "check"),
    [
        (b"", "refMissingNewline"),
        (f"{ONE}".encode(), "refMissingNewline"),
        (f"{ONE}\n{TWO}\n".encode(), "trailingRefContent"),
        (f"{ONE}\n\n".encode(), "trailingRefContent"),
        (b"\xef\xbb\xbf" + f"{ONE}\n".encode(), "badRefContent"),
        (str(ONE).upper().encode() + b"\n", "badRefContent"),
        (str(ONE)[:-1].encode() + b"\n", "badRefContent"),
        (f"thing:{ONE.id}\n".encode(), "badRefContent"),
        (f" {ONE}\n".encode(), "badRefContent"),
        (b"x" * 10_000, "trailingRefContent"),
        (b"<<<<<<< HEAD\n", "refConflictMarkers"),
    ],
)
def test_a_bad_file_has_its_own_name(refs: RefStore, data: bytes, check: str) -> None:
    put(refs, data)
    with pytest.raises(BadRef) as caught:
        refs.read(NAME)
    assert caught.value.check == check


def test_line_ends_that_git_changed_are_tolerated(refs: RefStore) -> None:
    put(refs, f"{ONE}\r\n".encode())
    assert refs.read(NAME) == ONE


@pytest.mark.parametrize("make", ["link", "pipe", "folder"])
def test_what_is_no_file_is_refused(refs: RefStore, make: str) -> None:
    path = Path(refs.root.full(NAME.text))
    path.parent.mkdir(parents=True)
    {"link": lambda: path.symlink_to("/etc/hostname"), "pipe": lambda: os.mkfifo(path), "folder": path.mkdir}[make]()
    with pytest.raises(BadRef):
        refs.read(NAME)


def test_a_folder_that_is_a_link_is_refused(refs: RefStore, tmp_path: Path) -> None:
    put(refs, encode_ref(ONE))
    folder = Path(refs.root.full("refs/versions/model"))
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Exception, match="link"):
        refs.read(NAME)


def test_one_of_many_wins_and_all_agree(refs: RefStore) -> None:
    links = [Link("tag", hash_bytes(b"%d" % number)) for number in range(16)]
    seen: list[Link] = []
    barrier = threading.Barrier(len(links))

    def create(link: Link) -> None:
        barrier.wait()
        seen.append(refs.create(NAME, link))

    threads = [threading.Thread(target=create, args=(link,)) for link in links]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 1 and refs.read(NAME) == seen[0]


def writer(refs: RefStore) -> Writer:
    return Writer(shared=refs.root, refs=refs, owner=Owner(host=os.uname().nodename, boot="another", pid=1, started=1))


def test_a_transaction_that_loses_moves_nothing(refs: RefStore) -> None:
    refs.create(NAME, TWO)
    log = writer(refs)
    assert log.apply(Transaction(refusable=(NAME, ONE), create=((HEAD, ONE),))) == TWO
    log.close()
    assert refs.read(HEAD) is None and list(Path(refs.root.full(FOLDER)).iterdir()) == []


def test_an_unfinished_transaction_is_seen_whole_or_not_at_all(refs: RefStore) -> None:
    state = StateChange(path="local/memory/x.json", old=None, new=b"{}")
    for is_won in (False, True):
        log = writer(refs)
        log._append(
            {"begin": "0", **_plain(Transaction(refusable=(NAME, ONE), create=((HEAD, ONE),), state=(state,)))},
            durable=True,
        )
        if is_won:
            refs.create(NAME, ONE)
        journals = read_journals(refs.root, now=0)
        overlay = overlay_of(journals, refs)
        assert (HEAD in overlay.created) == is_won and ("local/memory/x.json" in overlay.written) == is_won
        assert bool(recover(journals, refs, refs.root)) == is_won
        assert (refs.read_file(HEAD) == ONE) == is_won
    assert refs.root.read("local/memory/x.json", size_max=10) == b"{}"
    assert read_journals(refs.root, now=0) == []


def _plain(transaction: Transaction) -> dict[str, object]:
    return encode_transaction(transaction)


def test_a_torn_line_ends_the_journal(refs: RefStore) -> None:
    log = writer(refs)
    log._append({"begin": "0", **_plain(Transaction(create=((HEAD, ONE),)))}, durable=True)
    path = next(Path(refs.root.full(FOLDER)).iterdir())
    whole = path.read_bytes()
    for end in range(0, len(whole), 7):
        path.write_bytes(whole[:end])
        assert overlay_of(read_journals(refs.root, now=0), refs).created == {}
    path.write_bytes(whole)
    assert overlay_of(read_journals(refs.root, now=0), refs).created == {HEAD: ONE}


def checkout(path: Path, id: str) -> RefStore:
    made = RefStore(Root(str(path), durability=Durability.NONE))
    (path / "local").mkdir(parents=True)
    made.root.create(CHECKOUT_FILE, f"{id}\n".encode())
    return made


def test_a_journal_knows_its_checkout_by_whatever_path(tmp_path: Path) -> None:
    here = checkout(tmp_path / "project/store", "3f2a")
    log = writer(here)
    log._append({"begin": "0", **_plain(Transaction(create=((HEAD, ONE),)))}, durable=True)
    journals = read_journals(here.root, now=0)
    # Another one, with which it shares its journals, is not concerned.
    assert overlay_of(journals, checkout(tmp_path / "other", "9c01")).created == {}
    (tmp_path / "link").symlink_to("project")
    linked = RefStore(Root(str(tmp_path / "link/store")))
    assert overlay_of(journals, linked).created == {HEAD: ONE}
    (tmp_path / "project").rename(tmp_path / "moved")
    moved = RefStore(Root(str(tmp_path / "moved/store")))
    assert recover(read_journals(moved.root, now=0), moved, moved.root) and moved.read(HEAD) == ONE


def test_a_live_writers_work_is_left_to_it(refs: RefStore) -> None:
    log = Writer(shared=refs.root, refs=refs, owner=Owner.current())
    log._append({"begin": "0", **_plain(Transaction(create=((HEAD, ONE),)))}, durable=True)
    journals = read_journals(refs.root, now=0)
    assert journals[0].is_alive and overlay_of(journals, refs).created == {}
    assert recover(journals, refs, refs.root) == [] and refs.read(HEAD) is None
    log.close()


@pytest.mark.parametrize("path", ["../x", "local/../../x", "refs/heads/x", "/etc/x"])
def test_a_journal_cannot_name_files_elsewhere(refs: RefStore, path: str) -> None:
    log = writer(refs)
    bad = {"begin": "0", "refusable": None, "create": [], "remove": [], "state": [[path, None, "00"]]}
    log._append(bad, durable=True)
    with pytest.raises(Exception, match="outside"):
        read_journals(refs.root, now=0)


@pytest.mark.parametrize("made", ["nothing", "folder", "alien", "ref", "link"])
def test_emptiness_is_what_the_names_say(refs: RefStore, made: str) -> None:
    folder = Path(refs.root.full(NAME.folder))
    folder.mkdir(parents=True)
    if made == "folder":
        (folder / "1.0.0").mkdir()
    elif made == "alien":
        (folder / "Not A Ref").write_bytes(b"x")
    elif made == "ref":
        refs.create(NAME, ONE)
    elif made == "link":
        (folder / "1.0.0").symlink_to("nowhere")
    assert refs.is_empty(NAME.folder) == (not refs.names(NAME.folder)) == (made not in ("ref", "link"))


def test_emptiness_and_likeness_know_unfinished_transactions(refs: RefStore) -> None:
    refs.create(NAME, ONE)
    refs.overlay = Overlay(removed=frozenset({NAME}))
    assert refs.is_empty(NAME.folder) and refs.names_like(NAME.folder, lambda last: True) == []
    refs.overlay = Overlay(created={HEAD: ONE})
    assert not refs.is_empty(HEAD.folder) and refs.names_like(HEAD.folder, lambda last: True) == [HEAD]
    assert refs.names_like(HEAD.folder, lambda last: False) == []


def test_a_folder_of_refs_is_read_through_no_link_and_with_what_is_unfinished(tmp_path: Path) -> None:
    made = RefName("refs/versions/model/x/2.0.0")
    refs = RefStore(Root(str(tmp_path), durability=Durability.NONE), Overlay(created={made: TWO}))
    assert refs.read_all(NAME.folder) == [(made, TWO)]
    path = tmp_path / NAME.text
    path.parent.mkdir(parents=True)
    path.write_bytes(encode_ref(ONE))
    assert refs.read_all(NAME.folder) == [(NAME, ONE), (made, TWO)]
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadRef) as caught:
        refs.read_all(NAME.folder)
    assert caught.value.check == "symlinkRef"
