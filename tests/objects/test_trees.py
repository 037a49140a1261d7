"""Trees fan out and chunklists have levels; both are checked when they are read."""

import pytest

from pacha.base.errors import Corrupt
from pacha.base.ids import hash_bytes
from pacha.objects import chunklist, tree
from pacha.objects.types import BadObject, Link

BLOB = hash_bytes(b"x")


def entry(name: str, size: int = 1) -> tree.TreeEntry:
    return tree.TreeEntry(name=name, link=Link("blob", BLOB), size=size, digest=BLOB)


def all_entries(built: list, root) -> list[str]:
    documents = dict(built)
    found = []
    todo = [root]
    while todo:
        value = tree.decode(documents[todo.pop()])
        found += [item.name for item in value.entries]
        todo += [fan.link.id for fan in value.fans]
    return sorted(found)


@pytest.mark.parametrize("count", [0, 1, 4096, 4097, 70_000])
def test_a_folder_of_any_size_comes_back(count: int) -> None:
    built = tree.build_trees([entry(f"f{number}") for number in range(count)])
    assert all_entries(built, built[-1][0]) == sorted(f"f{number}" for number in range(count))
    assert all(len(raw) < 8 << 20 for _, raw in built)
    assert tree.decode(built[-1][1]).size == count


def test_changing_one_of_many_files_writes_few_documents() -> None:
    before = dict(tree.build_trees([entry(f"f{number}") for number in range(70_000)]))
    after = dict(tree.build_trees([entry(f"f{number}", 2 if number == 7 else 1) for number in range(70_000)]))
    assert len(after.keys() - before.keys()) <= 3


def test_unsorted_repeated_and_colliding_entries_are_refused() -> None:
    for names in (("b", "a"), ("a", "a"), ("A", "a")):
        raw = tree.encode(tree.Tree(entries=tuple(entry(name) for name in names)))
        with pytest.raises(Corrupt):
            tree.decode(raw)


def test_a_fan_that_was_not_needed_is_refused() -> None:
    fan = tree.Fan(digit="0", link=Link("tree", BLOB), count=3, size=3)
    with pytest.raises(BadObject):
        tree.decode(tree.encode(tree.Tree(fans=(fan,))))


def test_chunklists_have_levels() -> None:
    pieces = [(10, hash_bytes(str(number).encode())) for number in range(10_000)]
    built = dict(chunklist.build_chunklists(pieces))
    root = chunklist.decode(list(built.values())[-1])
    assert root.size == 100_000 and {chunk.link.type for chunk in root.chunks} == {"chunklist"}
    ids = [piece.link.id for chunk in root.chunks for piece in chunklist.decode(built[chunk.link.id]).chunks]
    assert ids == [id for _, id in pieces]


@pytest.mark.parametrize("lengths", [(), (0,), (-1, 2), (1, 1)])
def test_lengths_must_add_up(lengths: tuple[int, ...]) -> None:
    with pytest.raises(BadObject):
        chunklist.Chunklist(1, tuple(chunklist.Chunk(length, Link("blob", BLOB)) for length in lengths))


def test_the_digest_of_a_folder() -> None:
    files = [tree.FileEntry(path="b", size=1, digest=BLOB), tree.FileEntry(path="a/c", size=2, digest=BLOB)]
    assert tree.artifact_digest(files) == hash_bytes(f"{BLOB}  2 a/c\n{BLOB}  1 b\n".encode())
