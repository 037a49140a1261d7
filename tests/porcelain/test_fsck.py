"""fsck finds every kind of damage it knows, names path, object and refs, and stops at nothing."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from pacha.base.canonical import decode_lines, encode_compact, encode_lines
from pacha.base.files import Durability, Root
from pacha.base.ids import ObjectId, hash_bytes
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.objects import move as moves
from pacha.objects import tag as tags
from pacha.objects import tree as trees
from pacha.objects.types import Link
from pacha.porcelain.connect import connect, named
from pacha.porcelain.problems import CHECKS, Severity
from pacha.refs.names import RefName
from pacha.remotes.entries import Update
from pacha.remotes.log import append
from pacha.remotes.upload import Brought, next_entry
from pacha.store.codec import Codecs
from pacha.store.data import DataStore
from pacha.store.meta import meta_path
from pacha.store.pack import MAGIC
from pacha.store.packindex import PackIndex
from pacha.store.packwriter import PackWriter
from pacha.store.record import HEADER_BYTES, RecordHeader, checksum_of
from tests.conftest import Project
from tests.remotely import there

ARTIFACT = ArtifactName("data", "rows")
CSV = b"a,b\n" + b"".join(b"%d,%d\n" % (number, number**2) for number in range(500))


@pytest.fixture
def whole(git_project: Project) -> Project:
    """A repository with two commits, a version and a folder, and nothing wrong."""
    git_project.commit("rows.csv", CSV)
    git_project("tag", "rows", "1.0.0")
    git_project.commit("rows.csv", CSV + b"3,4\n")
    git_project.write("images/a.csv", "number\n1\n")
    git_project.write("images/b.csv", "number\n2\n")
    git_project("add", "images", "--kind", "data", "--name", "images")
    git_project("commit", "-m", "images")
    git_project.git("add", "-A")
    git_project.git("commit", "-qm", "all")
    assert git_project("fsck", "--json").data["problems"] == []
    return git_project


def store(project: Project) -> Path:
    return project.path / ".pacha"


def head(project: Project) -> Link:
    return Link("manifest", ObjectId.parse(project("rev-parse", "data/rows:head").out.split(":")[1].strip()))


def head_file(project: Project) -> Path:
    return store(project) / meta_path(head(project))


def head_ref(project: Project) -> Path:
    return store(project) / f"refs/heads/data/rows/{head(project).id}"


def put_meta(project: Project, type_name: str, raw: bytes) -> Link:
    link = Link(type_name, hash_bytes(raw))
    path = store(project) / meta_path(link)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    return link


def put_ref(project: Project, name: str, content: Link | str) -> None:
    path = store(project) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{content}\n" if isinstance(content, Link) else content)


def put_data(project: Project, type_name: str, raw: bytes) -> Link:
    data = DataStore(Root(str(store(project)), durability=Durability.NONE))
    with data.writer() as writer:
        id = writer.add(type_name, raw)
        writer.close()
    return Link(type_name, id)


def packs(project: Project) -> list[Path]:
    return sorted((store(project) / "objects/pack").glob("*.pack"))


def change_manifest(project: Project, **members: object) -> Link:
    """Puts a manifest like the head, with other members, in the head's place."""
    value = decode_lines(head_file(project).read_bytes())
    assert isinstance(value, dict)
    value.pop("files")
    link = put_meta(project, "manifest", encode_lines({**value, **members}))
    put_ref(project, f"refs/heads/data/rows/{link.id}", link)
    return link


def rewrite_record(project: Project, change: Callable[[RecordHeader, bytes], tuple[RecordHeader, bytes]]) -> None:
    """Writes a pack anew whose last record is changed and whose footer fits."""
    path = packs(project)[0]
    data = DataStore(Root(str(store(project))))
    pack = data.pack(ObjectId.parse(path.name[:64]))
    records = [(header, bytes(pack.record_at(offset, header.stored_length)[1])) for offset, header in pack.scan()]
    records[-1] = change(*records[-1])
    path.unlink()
    path.with_suffix(".idx").unlink()
    with PackWriter(data.root, folder=data.folder, present=DataStore(data.root)) as writer:
        for header, payload in records:
            writer.add_stored(header, memoryview(payload))
        writer.close()


def header_like(header: RecordHeader, payload: bytes, **members: object) -> RecordHeader:
    fields = {name: getattr(header, name) for name in ("type", "codec", "plain_length", "id", "base")}
    return RecordHeader(**{**fields, "stored_length": len(payload), "checksum": checksum_of(payload), **members})  # type: ignore[arg-type]


def blob_of_file(project: Project) -> ObjectId:
    return hash_bytes(CSV)


def missing_object(project: Project) -> None:
    put_data(project, "tree", trees.encode(trees.Tree(entries=(entry("gone.csv", hash_bytes(b"never stored")),))))


def entry(name: str, id: ObjectId, size: int = 1) -> trees.TreeEntry:
    return trees.TreeEntry(name=name, link=Link("blob", id), size=size, digest=id)


def bad_name(project: Project) -> None:
    raw = encode_compact(
        {
            "type": "tree",
            "entries": [{"name": "../x", "type": "file", "size": 1, "content": f"blob:{blob_of_file(project)}"}],
        }
    )
    put_data(project, "tree", raw)


def damage_header(project: Project) -> None:
    data = bytearray(packs(project)[0].read_bytes())
    data[len(MAGIC) + 20] ^= 1
    packs(project)[0].write_bytes(bytes(data))


def damage_payload(project: Project) -> None:
    data = bytearray(packs(project)[0].read_bytes())
    data[len(MAGIC) + HEADER_BYTES + 3] ^= 1
    packs(project)[0].write_bytes(bytes(data))


def damage_trailer(project: Project) -> None:
    data = packs(project)[0].read_bytes()
    packs(project)[0].write_bytes(data[:-10])


def damage_index(project: Project) -> None:
    path = next((store(project) / "objects/pack").glob("*.idx"))
    data = path.read_bytes()
    path.write_bytes(data[:-50] + bytes([data[-50] ^ 1]) + data[-49:])


def duplicate_object(project: Project) -> None:
    data = DataStore(Root(str(store(project)), durability=Durability.NONE))

    class Nothing:
        def holds(self, id: ObjectId) -> None:
            return None

        def places(self, ids: object) -> dict[ObjectId, ObjectId]:
            return {}

    with PackWriter(data.root, folder=data.folder, present=Nothing()) as writer:
        writer.add("blob", CSV)
        writer.add("blob", b"and another")
        writer.close()


def move_file(project: Project) -> None:
    path = head_file(project)
    other = path.parent.parent / "00" if path.parent.name != "00" else path.parent.parent / "01"
    other.mkdir(exist_ok=True)
    path.rename(other / path.name)


def put_move(project: Project, number: int, prev: ObjectId | None, at: int | None = None, **members: object) -> Link:
    usual: dict[str, object] = {"version": Version.parse("1.0.0"), "from_stage": "development", "to_stage": "staging"}
    move = moves.Move(
        artifact=ARTIFACT, reason="r", who="Ada <ada@example.org>", when="2026-03-03T12:00:00Z",
        nonce=os.urandom(4).hex(), number=number, prev=prev, **{**usual, **members},
    )  # type: ignore[arg-type]  # fmt: skip
    link = put_meta(project, "move", moves.encode(move))
    put_ref(project, f"refs/stages/data/rows/{at or number:08d}", link)
    return link


def gap(project: Project) -> None:
    first = put_move(project, 1, None)
    second = put_move(project, 2, first.id)
    put_move(project, 3, second.id)
    (store(project) / "refs/stages/data/rows/00000002").unlink()


def fork(project: Project) -> None:
    put_move(project, 1, None)
    put_move(project, 2, hash_bytes(b"somebody else's first move"))


def moved_from_elsewhere(project: Project) -> None:
    put_move(project, 1, None, from_stage="production")


def displaced_from_elsewhere(project: Project) -> None:
    project("tag", "rows", "1.1.0")
    gone = moves.Displaced(version=Version.parse("1.1.0"), to_stage="archived")
    put_move(project, 1, None, displaced=(gone,))


def moved_version_that_is_not_here(project: Project) -> None:
    put_move(project, 1, None, version=Version.parse("7.0.0"))


def held_twice(project: Project) -> None:
    project("tag", "rows", "1.1.0")
    first = put_move(project, 1, None, to_stage="production")
    put_move(project, 2, first.id, version=Version.parse("1.1.0"), to_stage="production")


def wrong_tag(project: Project) -> None:
    tag = tags.Tag(artifact=ARTIFACT, version=Version.parse("2.0.0"), manifest=head(project).id)
    put_ref(project, "refs/versions/data/rows/3.0.0", put_meta(project, "tag", tags.encode(tag)))


def duplicate_version(project: Project) -> None:
    for version in ("4.0.0+a", "4.0.0+b"):
        tag = tags.Tag(artifact=ARTIFACT, version=Version.parse(version), manifest=head(project).id)
        put_ref(project, f"refs/versions/data/rows/{version}", put_meta(project, "tag", tags.encode(tag)))


def missing_parent(project: Project) -> None:
    change_manifest(project, parents=[{"role": "trained_on", "manifest": f"manifest:{hash_bytes(b'elsewhere')}"}])


def dead_journal(project: Project) -> None:
    body = (
        b'{"owner":{"host":"' + os.uname().nodename.encode() + b'","boot":"another","pid":1,"started":1},"checkout":""}'
    )
    path = store(project) / "local/inflight/1.dead"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(hash_bytes(body).hex[:32].encode() + b" " + body + b"\n")


def bad_codec(project: Project) -> None:
    rewrite_record(project, lambda header, payload: (header_like(header, payload, codec=77), payload))


def bad_frame(project: Project) -> None:
    junk = bytes(Codecs().numbered(1).encode(random.Random(1).randbytes(500)))[:-5]
    rewrite_record(project, lambda header, payload: (header_like(header, junk, codec=1), junk))


def forge_difference(project: Project, data: bytes, base: bytes) -> Link:
    """Stores a difference to any base, present or not, as a forger or a fault would."""
    stored = Codecs().numbered(3).encode(data, element="i64", base=base)
    assert stored is not None
    header = RecordHeader(
        type="blob", codec=3, plain_length=len(data), stored_length=len(stored), id=hash_bytes(data),
        checksum=checksum_of(bytes(stored)), base=hash_bytes(base),
    )  # fmt: skip
    store_of = DataStore(Root(str(store(project)), durability=Durability.NONE))
    with store_of.writer() as writer:
        writer.add_stored(header, memoryview(stored))
        writer.close()
    return Link("blob", header.id)


def step(number: int) -> bytes:
    """Bytes that differ little from those of another number."""
    return b"".join((base + number).to_bytes(8, "little") for base in range(0, 800, 8))


def wrong_bytes(project: Project) -> None:
    rewrite_record(
        project, lambda header, payload: (header_like(header, b"not these", codec=0, plain_length=9), b"not these")
    )


def unknown_record(project: Project) -> None:
    rewrite_record(project, lambda header, payload: (header_like(header, payload, type="tensor"), payload))


def link_in_store(project: Project) -> None:
    (store(project) / "objects/manifest/link.json").symlink_to("/etc/passwd")


def link_as_ref(project: Project) -> None:
    path = head_ref(project)
    path.unlink()
    path.symlink_to("/etc/hostname")


PRODUCERS: dict[str, Callable[[Project], object]] = {
    "missingObject": missing_object,
    "emptyObject": lambda project: head_file(project).write_bytes(b""),
    "hashMismatch": wrong_bytes,
    "eolDamage": lambda project: head_file(project).write_bytes(
        head_file(project).read_bytes().replace(b"\n", b"\r\n")
    ),
    "notCanonical": lambda project: put_meta(project, "tag", b'{"type": "tag"}\n'),
    "badObject": lambda project: put_meta(project, "tag", encode_lines({"type": "tag", "artifact": "data/rows"})),
    "badPath": bad_name,
    "wrongKind": lambda project: put_meta(project, "tag", head_file(project).read_bytes()),
    "unknownKind": unknown_record,
    "oversize": lambda project: put_meta(project, "tag", b" " * ((1 << 20) + 1)),
    "badHeader": damage_header,
    "badChecksum": damage_payload,
    "badFrame": bad_frame,
    "badBase": lambda project: forge_difference(project, step(1), step(0)),
    "badCodec": bad_codec,
    "badTrailer": damage_trailer,
    "idxMismatch": damage_index,
    "duplicateObject": duplicate_object,
    "digestMismatch": lambda project: change_manifest(project, digest="0" * 64),
    "sizeMismatch": lambda project: change_manifest(project, size=1),
    "missingParent": missing_parent,
    "badFanout": move_file,
    "alienFile": lambda project: project.write(".pacha/objects/notes.txt", "mine"),
    "symlinkInStore": link_in_store,
    "notRegular": lambda project: os.mkfifo(store(project) / "objects/manifest/pipe"),
    "tmpLeftover": lambda project: project.write(".pacha/local/tmp/99999999.0", "x"),
    "deadInflight": dead_journal,
    "badRefName": lambda project: put_ref(project, "refs/heads/data/rows/UPPER", "x"),
    "badRefContent": lambda project: put_ref(project, "refs/versions/data/rows/9.9.9", "nonsense\n"),
    "trailingRefContent": lambda project: head_ref(project).write_text(f"{head(project)}\nmore\n"),
    "refMissingNewline": lambda project: head_ref(project).write_text(str(head(project))),
    "refConflictMarkers": lambda project: head_ref(project).write_text("<<<<<<< ours\nx\n=======\ny\n>>>>>>> theirs\n"),
    "symlinkRef": link_as_ref,
    "refMissingTarget": lambda project: head_file(project).unlink(),
    "refGap": gap,
    "refFork": fork,
    "moveFrom": moved_from_elsewhere,
    "moveDisplaced": displaced_from_elsewhere,
    "moveVersion": moved_version_that_is_not_here,
    "stageTwice": held_twice,
    "stageUnknown": lambda project: put_move(project, 1, None, to_stage="canary"),
    "badStageRules": lambda project: project.write(".pacha/config.toml", "[stages]\nexclusive = ['nowhere']\n"),
    "wrongTag": wrong_tag,
    "duplicateVersion": duplicate_version,
    "untrackedMeta": lambda project: project.git(
        "rm", "-q", "--cached", str(head_ref(project).relative_to(project.path))
    ),
    "erased": lambda project: project("erase", "rows", "--reason", "withdrawn"),
    "notIgnored": lambda project: project.write(".pacha/.gitignore", "!*\n"),
    "missingGitattributes": lambda project: (store(project) / ".gitattributes").unlink(),
}


def lose_an_entry(project: Project) -> None:
    project.commit("rows.csv", "a\n9\n")
    project("push", "../bucket")
    (project.path.parent / "bucket/log/00000001").unlink()


def in_largest_pack(project: Project, at: int) -> None:
    path = there(project, "packs")[0]
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))


def lose_a_ref_target(project: Project) -> None:
    """An entry that names what was never sent, as another program might write."""
    workspace = project.workspace()
    connection = connect(workspace, named(workspace, "../bucket", start=str(project.path)))
    update = Update(ref=RefName(f"refs/heads/data/rows/{'5' * 64}"), new=Link("manifest", ObjectId.parse("5" * 64)))
    entry = next_entry(connection.state, updates=[update], brought=Brought(), writer="x", time="2026-01-01T00:00:00Z")
    assert append(connection.remote, connection.state, entry) is not None
    workspace.close()


ON_REMOTES: dict[str, Callable[[Project], object]] = {
    "remoteLog": lose_an_entry,
    "remotePack": lambda project: there(project, "packs")[0].unlink(),
    "remoteIndex": lambda project: there(project, "indexes")[0].unlink(),
    "remoteRecord": lambda project: in_largest_pack(project, -60),
    "remoteMissing": lose_a_ref_target,
}


def test_every_check_has_a_test_that_produces_it() -> None:
    assert {*PRODUCERS, *ON_REMOTES} == CHECKS.keys()


@pytest.mark.parametrize("check", ON_REMOTES)
def test_a_check_of_a_remote_finds_what_it_is_for(check: str, whole: Project) -> None:
    whole("push", "../bucket")
    whole("fsck", "--remote", "../bucket", "--read-data")
    ON_REMOTES[check](whole)
    answer = whole("fsck", "--remote", "../bucket", "--read-data", "--json", code=5)
    found = [item for item in answer.data["problems"] if item["check"] == check]
    assert found and all(item["severity"] == "error" and (item["path"] or item["object"]) for item in found)
    human = whole("fsck", "--remote", "../bucket", "--read-data", code=5)
    assert f"error {check}: " in human.out and CHECKS[check].remedy in human.err


@pytest.mark.parametrize("check", PRODUCERS)
def test_a_check_finds_what_it_is_for(check: str, whole: Project) -> None:
    PRODUCERS[check](whole)
    severity = CHECKS[check].severity
    answer = whole("fsck", "--json", code=None)
    found = [item for item in answer.data["problems"] if item["check"] == check]
    assert found, [item["check"] for item in answer.data["problems"]]
    assert all(item["severity"] == severity.value for item in found)
    assert all(item["path"] or item["object"] for item in found)
    others = [item for item in answer.data["problems"] if item["severity"] == "error" and item["check"] != check]
    assert answer.code == (5 if severity is Severity.ERROR or others else 0)
    if check == "idxMismatch":
        return  # It is derived: looking made it anew.
    human = whole("fsck", code=answer.code)
    assert f"{severity.value} {check}: " in human.out and CHECKS[check].remedy in human.err


def bases_that_go_round(project: Project) -> set[str]:
    return {str(forge_difference(project, step(1), step(2))), str(forge_difference(project, step(2), step(1)))}


def bases_too_many(project: Project) -> set[str]:
    put_data(project, "blob", step(0))
    for number in (1, 2):
        forge_difference(project, step(number), step(number - 1))
    assert project("fsck", "--json").data["problems"] == [], "the control: two steps are allowed"
    return {str(forge_difference(project, step(3), step(2)))}


def its_own_base(project: Project) -> set[str]:
    return {str(forge_difference(project, step(1), step(1)))}


@pytest.mark.parametrize("produce", [bases_that_go_round, bases_too_many, its_own_base])
def test_a_base_that_cannot_serve_is_found_and_nothing_else_is_blamed(
    produce: Callable[[Project], set[str]], whole: Project
) -> None:
    wanted = produce(whole)
    found = whole("fsck", "--json", code=5).data["problems"]
    assert {item["check"] for item in found if item["severity"] == "error"} == {"badBase"}
    assert {item["object"] for item in found if item["check"] == "badBase"} == wanted


def test_a_damaged_base_is_blamed_with_what_needs_it(whole: Project) -> None:
    put_data(whole, "blob", step(0))
    base = next(path for path in packs(whole) if hash_bytes(step(0)).raw in path.read_bytes())
    needy = forge_difference(whole, step(1), step(0))
    data = bytearray(base.read_bytes())
    data[len(MAGIC) + HEADER_BYTES + 3] ^= 1
    base.write_bytes(bytes(data))
    found = {(item["check"], item["object"]) for item in whole("fsck", "--json", code=5).data["problems"]}
    assert ("badChecksum", f"blob:{hash_bytes(step(0))}") in found
    assert any(object == str(needy) for _, object in found)


def test_a_damaged_object_names_the_refs_that_reach_it(whole: Project) -> None:
    damage_payload(whole)
    reached = {ref for item in whole("fsck", "--json", code=5).data["problems"] for ref in item["refs"]}
    assert reached and all(ref.startswith("refs/") for ref in reached)


def test_all_damage_is_found_at_once(whole: Project) -> None:
    chosen = (
        "missingObject",
        "badRefContent",
        "wrongTag",
        "alienFile",
        "duplicateVersion",
        "missingParent",
        "notIgnored",
    )
    for check in chosen:
        PRODUCERS[check](whole)
    damage_index(whole)
    found = {item["check"] for item in whole("fsck", "--json", code=5).data["problems"]}
    assert {*chosen, "idxMismatch"} <= found


def test_the_index_is_made_anew_and_fsck_is_content(whole: Project) -> None:
    damage_index(whole)
    whole("verify", "data/rows")
    assert PackIndex(next((store(whole) / "objects/pack").glob("*.idx")).read_bytes()).count


def test_resolve_keeps_one_chain_of_stages_and_replays_the_other(whole: Project) -> None:
    """Two branches each moved a version; after the merge one chain is kept, and the other side follows it."""
    first = put_move(whole, 1, None)
    ours = put_move(whole, 2, first.id)
    path = store(whole) / "refs/stages/data/rows/00000002"
    path.unlink()
    theirs = put_move(whole, 2, first.id)
    path.write_text(f"<<<<<<< HEAD\n{ours}\n=======\n{theirs}\n>>>>>>> branch\n")
    issue = whole("resolve", "--json", code=4).data[0]
    assert issue["issue"] and {side["link"] for side in issue["sides"]} == {str(ours), str(theirs)}
    assert all(side["author"] and side["created"] for side in issue["sides"])
    whole("resolve", "rows", "--keep", str(ours))
    assert whole("resolve").out == "nothing is unsettled\n"
    log = sorted((store(whole) / "refs/stages/data/rows").iterdir())
    assert [entry.name for entry in log] == ["00000001", "00000002", "00000003"]
    assert log[1].read_text().strip() == str(ours)
    replayed = decode_lines((store(whole) / meta_path(Link.parse(log[2].read_text().strip()))).read_bytes())
    assert isinstance(replayed, dict) and replayed["replays"] == str(theirs) and replayed["prev"] == str(ours)
    whole("fsck")
