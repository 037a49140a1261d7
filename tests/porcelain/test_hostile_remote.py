"""A hostile remote can do nothing but be refused: nothing is written outside the clone, or where a person has files."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pacha.base.canonical import decode_lines, encode_lines
from pacha.base.ids import hash_bytes
from pacha.objects.types import Storage
from pacha.remotes.entries import RemoteIndex, RemotePack, plain_index, plain_pack, seal
from pacha.remotes.keys import index_key, log_key, pack_key
from pacha.remotes.sending import made
from pacha.store.codec.zstd import ZstdCodec
from pacha.store.outgoing import MadeRecord, OutgoingPack
from pacha.store.packindex import encode_index
from pacha.store.record import RecordHeader, checksum_of
from tests.conftest import Project, run_here

EVIL = "a,b\n6,6\n"


class Forger:
    """A remote that was pushed to once, and whoever owns it."""

    def __init__(self, project: Project) -> None:
        self.folder = project.path.parent / "shared"
        self.project = project
        self.line = (self.folder / log_key(1)).read_bytes().splitlines()[0]

    def head(self) -> dict[str, Any]:
        """The manifest of the head, to be changed."""
        folder = self.project.path / ".pacha/refs/heads/data/rows"
        (name,) = (path.name for path in folder.iterdir())
        found = [path for path in (self.project.path / ".pacha/objects/manifest").rglob("*.json")]
        value = next(decode_lines(path.read_bytes()) for path in found if hash_bytes(path.read_bytes()).hex == name)
        assert isinstance(value, dict)
        return value

    def entry(self, **changes: object) -> None:
        """Writes entry 2, with some fields as they like."""
        value: dict[str, object] = {
            "number": 2, "prev": hash_bytes(self.line).hex, "updates": [], "packs_added": [], "packs_removed": [],
            "indexes_added": [], "indexes_removed": [], "writer": "Mallory", "nonce": "0" * 32,
            "time": "2026-03-03T12:00:00Z",
        }  # fmt: skip
        line = json.dumps({**value, **changes}, sort_keys=True, separators=(",", ":")).encode()
        (self.folder / log_key(2)).write_bytes(seal(line + b"\n" + self.line + b"\n"))

    def ref(self, ref: str, link: str) -> None:
        """An entry with one ref."""
        self.entry(updates=[{"ref": ref, "new": link}])

    def put(self, storage: Storage, records: list[MadeRecord]) -> dict[str, object]:
        """Puts a pack there, and what an entry says of it."""
        pack = OutgoingPack(records)
        (self.folder / pack_key(pack.id)).write_bytes(b"".join(map(bytes, pack.pieces())))
        data = encode_index([(pack.id, pack.rows)])
        (self.folder / index_key(hash_bytes(data))).write_bytes(data)
        return {
            "packs_added": [plain_pack(RemotePack(id=pack.id, size=pack.size, storage=storage))],
            "indexes_added": [plain_index(RemoteIndex(id=hash_bytes(data), size=len(data)))],
        }

    def manifest(self, change: Callable[[dict[str, Any]], object], *others: MadeRecord, name: str = "rows") -> None:
        """A changed manifest as the head of an artifact, its tree among the others."""
        value = self.head()
        change(value)
        raw = encode_lines(value)
        id = hash_bytes(raw)
        meta = self.put(Storage.META, [made(ZstdCodec(), "manifest", id, raw)])
        data: dict[str, Any] = self.put(Storage.DATA, list(others)) if others else {}
        old = f"refs/heads/data/rows/{hash_bytes(encode_lines(self.head())).hex}"
        updates = [{"ref": f"refs/heads/data/{name}/{id.hex}", "new": f"manifest:{id.hex}"}]
        if name == "rows":
            updates.append({"ref": old, "old": f"manifest:{old[-64:]}"})
        self.entry(
            updates=updates,
            packs_added=[*meta["packs_added"], *data.get("packs_added", [])],  # type: ignore[misc]
            indexes_added=[*meta["indexes_added"], *data.get("indexes_added", [])],  # type: ignore[misc]
        )

    def tree(self, *names: str) -> None:
        """A folder whose tree has entries of such names."""
        blob = made(ZstdCodec(), "blob", hash_bytes(EVIL.encode()), EVIL.encode())
        entries = [
            {"content": f"blob:{blob.header.id.hex}", "executable": True, "name": name, "size": len(EVIL), "type": "file"}
            for name in names
        ]  # fmt: skip
        raw = json.dumps({"entries": entries, "type": "tree"}, sort_keys=True, separators=(",", ":")).encode()
        tree = made(ZstdCodec(), "tree", hash_bytes(raw), raw)
        lines = "".join(f"{blob.header.id.hex}  {len(EVIL)} {name}\n" for name in sorted(names))
        self.manifest(
            lambda value: (
                value.pop("files", None),
                value.update(
                    tree=f"tree:{tree.header.id.hex}",
                    shape="folder",
                    path="out",
                    digest=hash_bytes(lines.encode()).hex,
                    size=len(EVIL) * len(names),
                ),
            ),
            blob,
            tree,
        )


def bomb(forger: Forger) -> None:
    """A META record that says 1 MiB and unpacks to a GiB."""
    frame = ZstdCodec().encode(bytes(64 << 20))
    assert frame is not None
    id = hash_bytes(b"whatever")
    header = RecordHeader(
        type="manifest", codec=1, plain_length=1 << 20, stored_length=len(frame), id=id, checksum=checksum_of(memoryview(frame))
    )  # fmt: skip
    meta = forger.put(Storage.META, [MadeRecord(header, frame)])
    forger.entry(updates=[{"ref": f"refs/heads/data/rows/{id.hex}", "new": f"manifest:{id.hex}"}], **meta)


def big_state(forger: Forger) -> None:
    """A checkpoint that claims 256 MiB, at the newest entry."""
    forger.entry()
    (forger.folder / "deltas").mkdir()
    for number in (16, 256):
        folder = forger.folder / ("deltas" if number == 16 else "checkpoints")
        folder.mkdir(exist_ok=True)
        (folder / f"{number:08}").write_bytes((256 << 20).to_bytes(8, "little") + b"\x28\xb5\x2f\xfd" + bytes(20))


LINK = f"manifest:{'1' * 64}"
HEAD = "refs/heads/data"
ATTACKS: dict[str, Callable[[Forger], object]] = {
    "ref that climbs": lambda forger: forger.ref(f"{HEAD}/../../../x", LINK),
    "ref that is absolute": lambda forger: forger.ref("/etc/passwd", LINK),
    "ref in no namespace": lambda forger: forger.ref("config.toml", LINK),
    "ref with a lock": lambda forger: forger.ref(f"{HEAD}/x/{'1' * 64}.lock", LINK),
    "ref in capitals": lambda forger: forger.ref(f"{HEAD}/ROWS/{'1' * 64}", LINK),
    "ref with a backslash": lambda forger: forger.ref(f"{HEAD}/..\\x/{'1' * 64}", LINK),
    "ref with an escape": lambda forger: forger.ref(f"{HEAD}/\x1b[2J/{'1' * 64}", LINK),
    "ref of a device": lambda forger: forger.ref(f"{HEAD}/con/{'1' * 64}", LINK),
    "ref to nothing": lambda forger: forger.ref(f"{HEAD}/rows/{'1' * 64}", LINK),
    "ref to no link": lambda forger: forger.ref(f"{HEAD}/rows/{'1' * 64}", "../../x"),
    "ref to another type": lambda forger: forger.ref(f"{HEAD}/rows/{'1' * 64}", f"blob:{'1' * 64}"),
    "pack that climbs": lambda forger: forger.entry(packs_added=[{"class": "data", "id": "../../x", "size": 9}]),
    "pack of any size": lambda forger: forger.entry(packs_added=[{"class": "meta", "id": "1" * 64, "size": 2**80}]),
    "index of any size": lambda forger: forger.entry(indexes_added=[{"id": "1" * 64, "size": 2**52}]),
    "entry that is deep": lambda forger: (forger.folder / log_key(2)).write_bytes(seal(b'{"a":' * 90_000 + b"\n")),
    "state": big_state,
    "bomb": bomb,
    "path that climbs": lambda forger: forger.manifest(lambda value: value.update(path="../evil.csv")),
    "path that is absolute": lambda forger: forger.manifest(lambda value: value.update(path="/tmp/pacha-evil.csv")),
    "path into git": lambda forger: forger.manifest(lambda value: value.update(path=".git/hooks/post-checkout")),
    "path into pacha": lambda forger: forger.manifest(lambda value: value.update(path=".pacha/config.toml")),
    "path into git in other letters": lambda forger: forger.manifest(lambda value: value.update(path=".GIT/config")),
    "artifact that is a path": lambda forger: forger.manifest(lambda value: value.update(artifact="data/../../x")),
    "artifact of another": lambda forger: forger.manifest(lambda value: value.update(artifact="data/other")),
    "tree that climbs": lambda forger: forger.tree("../evil.csv"),
    "tree with dots": lambda forger: forger.tree(".."),
    "tree that is absolute": lambda forger: forger.tree("/tmp/pacha-evil.csv"),
    "tree into git": lambda forger: forger.tree(".git"),
    "tree with two cases": lambda forger: forger.tree("A.csv", "a.csv"),
    "tree with a name twice": lambda forger: forger.tree("a.csv", "a.csv"),
    "tree with a device": lambda forger: forger.tree("con.csv"),
    "tree with an escape": lambda forger: forger.tree("a\x1b[2J.csv"),
}


@pytest.fixture
def forger(project: Project) -> Forger:
    """A remote with one dataset."""
    project.commit("rows.csv", "a,b\n1,2\n", "--tag", "1.0.0")
    project("push", str(project.path.parent / "shared"))
    return Forger(project)


def outside(forger: Forger, *but: Path) -> dict[str, bytes]:
    """Everything beside the clone."""
    return {
        str(path): path.read_bytes()
        for path in forger.project.path.parent.rglob("*")
        if path.is_file() and not any(path.is_relative_to(each) for each in but)
    }


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_remote_is_refused_or_without_effect(attack: str, forger: Forger) -> None:
    ATTACKS[attack](forger)
    target = forger.project.path.parent / "clone"
    before = outside(forger, target)
    answer = run_here(["clone", str(forger.folder), str(target)])
    assert answer.code in (0, 2, 3, 4, 5, 8, 9), (attack, answer)
    for words in (["list"], ["show", "rows"], ["log", "rows"], ["cat", "rows:head"], ["search"], ["fsck"]):
        found = run_here(["--repo", str(forger.folder), *words])
        assert found.code in (0, 1, 2, 3, 4, 5, 6, 8, 9), (words, found)
        assert "Traceback" not in found.err and "\x1b" not in found.err + found.out
    if target.exists():
        for words in (["pull"], ["checkout", "--force"], ["status"], ["fetch", "--join"]):
            found = run_here(["-C", str(target), *words])
            assert found.code in (0, 1, 2, 3, 4, 5, 6, 8, 9), (words, found)
        written = {str(path.relative_to(target)) for path in target.rglob("*") if ".pacha" not in path.parts}
        assert written <= {"rows.csv", "out", "out/A.csv", "out/a.csv"}
        settings = target / ".pacha/config.toml"
        assert not settings.exists() or b"1,2" not in settings.read_bytes()
    assert "Traceback" not in answer.err
    assert outside(forger, target) == before
    assert not os.path.exists("/tmp/pacha-evil.csv")


def test_the_harness_can_write(forger: Forger) -> None:
    forger.tree("fine.csv")
    target = forger.project.path.parent / "clone"
    answer = run_here(["clone", str(forger.folder), str(target)])
    assert answer.code == 0, answer.err
    assert (target / "out/fine.csv").read_text() == EVIL


def test_the_harness_can_name_a_path(forger: Forger) -> None:
    forger.manifest(lambda value: value.update(path="other.csv"))
    target = forger.project.path.parent / "clone"
    answer = run_here(["clone", str(forger.folder), str(target)])
    assert answer.code == 0 and (target / "other.csv").exists(), answer.err
