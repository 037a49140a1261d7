"""`stats --storage`: its parts are the files on disk, exactly, and each byte is told of those who name it."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacha.base.files import Durability, Root
from pacha.base.ids import hash_bytes
from pacha.porcelain import storage_owners
from pacha.porcelain.storage_owners import MANY, NOBODY, OwnerSets
from pacha.store.data import DataStore
from pacha.store.merge import copy_records
from pacha.store.packindex import Row, encode_index
from tests.conftest import Project, mount_read_only
from tests.store.test_chains import forge, steps
from tests.tensors import commit_versions, versions


def store_of(project: Project) -> DataStore:
    return DataStore(Root(str(project.path / ".pacha"), durability=Durability.NONE))


def on_disk(project: Project) -> int:
    """Bytes of every regular file of `.pacha`, as `du --apparent-size` sees them."""
    files = (path for path in (project.path / ".pacha").rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files)


def ask(project: Project) -> dict[str, Any]:
    """The answer, after the sums that hold for any store."""
    found: dict[str, Any] = project("stats", "--storage", "--json").data
    problems = wrong_sums(found, on_disk(project))
    assert not problems, problems
    return found


def wrong_sums(found: dict[str, Any], disk: int) -> list[str]:
    """The sums that do not hold."""
    sizes = {part["name"]: part["size"] for part in found["parts"]}
    records = sum(sizes[name] for name in ("artifacts", "elsewhere", "bases", "copies", "unused"))
    own = sum(row["own_bytes"] for row in found["artifacts"])
    sums = {
        "disk": (sum(sizes.values()), disk),
        "total": (found["disk_bytes"], disk),
        "packs": (records + sizes["framing"] + sizes["damaged"], found["stored_bytes"]),
        "codecs": (sum(row["stored_bytes"] for row in found["codecs"]), records),
        "depths": (sum(row["stored_bytes"] for row in found["depths"]), records),
        "artifacts": (own + found["shared_bytes"], sizes["artifacts"]),
    }
    negative = [name for name, size in sizes.items() if size < 0]
    return [f"{name}: {left} != {right}" for name, (left, right) in sums.items() if left != right] + negative


def commit_as(project: Project, path: str, name: str, *words: str) -> None:
    project("add", path, "--kind", "data", "--name", name)
    project("commit", path, "-m", "x", *words)


def part(found: dict[str, Any], name: str) -> int:
    size: int = next(part["size"] for part in found["parts"] if part["name"] == name)
    return size


def garbage(project: Project) -> None:
    project.write("rows.csv", "never,committed\n" * 50)
    project("add", "rows.csv")
    project.write("rows.csv", "a,b\n5,6\n")
    project("add", "rows.csv")


def duplicates(project: Project) -> None:
    store = store_of(project)
    assert copy_records(store, list(store.packs())[:3], lambda id: True)


def trash(project: Project) -> None:
    garbage(project)
    for path in (project.path / ".pacha/objects/pack").glob("*.pack"):
        os.utime(path, (0, 0))
    project("gc")
    assert list((project.path / ".pacha/local/trash").rglob("*.pack")), "it is kept for a grace"


def damaged(project: Project) -> None:
    store = store_of(project)
    pack, path = next(iter(store.packs().items()))
    file = Path(store.root.full(path))
    file.write_bytes(file.read_bytes()[:-9])
    (file.parent / f"{pack}.idx").unlink()


def lying_index(project: Project) -> None:
    """An index that promises more than its pack can hold; the other packs are still counted."""
    store = store_of(project)
    pack = next(iter(store.packs()))
    rows = [Row(hash_bytes(b"%d" % number), 16, 1 << 30, 1 << 30, "blob", 0) for number in range(40)]
    Path(store.root.full(f"{store.folder}/{pack}.idx")).write_bytes(encode_index([(pack, rows)]))


def alien(project: Project) -> None:
    for name in ("objects/pack/notes.txt", "objects/pack/deep/er/x", "local/tmp/1.x", "objects/odd/y", "x"):
        project.write(f".pacha/{name}", "alien" * 7)


def repacked(project: Project) -> None:
    project("repack")


def baseless(project: Project) -> None:
    """A difference whose base is nowhere."""
    first, second = steps(2)
    forge(store_of(project), second, hash_bytes(first), first)


HAPPENED: list[Callable[[Project], None]] = [
    garbage, duplicates, trash, damaged, lying_index, alien, repacked, baseless,
]  # fmt: skip


@pytest.fixture
def filled(project: Project) -> Project:
    """Versions as differences, two artifacts with the same rows, and one alone."""
    commit_versions(project, 3)
    for data in versions(2, seed=3):
        project.commit("n.safetensors", data)
    project.commit("rows.csv", "a,b\n1,2\n" * 20)
    project.write("same.csv", "a,b\n1,2\n" * 20)
    commit_as(project, "same.csv", "same-rows")
    return project


@pytest.mark.parametrize("happened", HAPPENED, ids=lambda each: each.__name__)
def test_the_parts_are_the_files_on_disk(filled: Project, happened: Callable[[Project], None]) -> None:
    before = ask(filled)
    happened(filled)
    assert ask(filled) != before


def test_an_empty_repository_has_parts_too(project: Project) -> None:
    found = ask(project)
    assert found["artifacts"] == [] and found["ratio"] is None
    assert "0 B without repetition" in project("stats", "--storage").out


def test_a_sum_that_does_not_hold_is_found(filled: Project) -> None:
    found = ask(filled)
    filled.write(".pacha/x", "more")
    assert wrong_sums(found, on_disk(filled))
    found["parts"][0]["size"] -= 1
    assert len(wrong_sums(found, found["disk_bytes"])) >= 2


def test_each_thing_is_told_as_what_it_is(filled: Project) -> None:
    garbage(filled)
    found = ask(filled)
    assert part(found, "unused") > 0 and part(found, "copies") == 0 and part(found, "damaged") == 0
    planned = filled("gc", "--dry-run", "--prune=now", "--json").data
    assert part(found, "unused") == planned["trashed_bytes"]
    assert found["gc"] == {"grace_days": 14, "trashed_bytes": 0, "deleted_bytes": 0, "waiting_bytes": 0}
    filled("config", "set", "gc.grace_days", "0")
    assert ask(filled)["gc"]["trashed_bytes"] == planned["trashed_bytes"]
    duplicates(filled)
    assert part(ask(filled), "copies") > 0


def test_damage_is_a_note_and_what_gc_would_free_is_not_told(filled: Project) -> None:
    document = next((filled.path / ".pacha/objects/manifest").rglob("*.json"))
    document.write_bytes(document.read_bytes()[:-9])
    found = ask(filled)
    assert found["gc"] is None and "cannot be read" in found["notes"][1]
    assert "what gc would free cannot be told" in found["notes"][0]


def test_what_is_kept_for_a_difference_alone_is_told(project: Project) -> None:
    """Of a version that somebody removed, only what later ones are differences to is still needed."""
    commit_versions(project, 1)
    _, second = versions(2)
    project.write("m.safetensors", second)
    project("add", "m.safetensors")
    for folder in ("refs/heads", "refs/versions", "local/memory"):
        shutil.rmtree(project.path / ".pacha" / folder)
    found = ask(project)
    assert part(found, "bases") > 100_000 and part(found, "unused") > 0
    assert [row["artifact"] for row in found["artifacts"]] == ["model/m"] and not found["artifacts"][0]["commits"]
    assert {row["depth"] for row in found["depths"]} == {0, 1}


def test_a_difference_to_nothing_is_at_no_depth(project: Project) -> None:
    baseless(project)
    assert [row["depth"] for row in ask(project)["depths"]] == [0, None]


def test_an_artifact_is_told_what_is_its_own_and_with_whom_it_shares(project: Project) -> None:
    shared, own = random.Random(1).randbytes(90_000), random.Random(2).randbytes(50_000)
    for name, files in {"a": [shared, own], "b": [shared], "c": [b"alone"]}.items():
        for number, data in enumerate(files):
            project.write(f"{name}/{number}.bin", data)
        commit_as(project, name, name, "--tag", "1.0.0")
    rows = {row["artifact"]: row for row in ask(project)["artifacts"]}
    assert list(rows) == ["data/a", "data/b", "data/c"], "the largest first"
    a, b, c = rows.values()
    assert a["shared_with"] == ["data/b"] and b["shared_with"] == ["data/a"] and c["shared_with"] == []
    assert a["shared_bytes"] == b["shared_bytes"] >= 90_000 and c["shared_bytes"] == 0
    assert 50_000 <= a["own_bytes"] < 60_000 and a["committed_bytes"] == 140_000 <= a["plain_bytes"]
    assert [row["versions"] for row in rows.values()] == [1, 1, 1]


def test_what_many_share_is_summed_and_not_listed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_owners, "SHARERS_MAX", 3)
    shared = random.Random(1).randbytes(20_000)
    for name in "abcdef":
        project.write(f"{name}/shared.bin", shared)
        project.write(f"{name}/own.bin", name)
        commit_as(project, name, name)
    found = ask(project)
    assert found["shared_bytes"] >= 20_000
    assert {row["shared_bytes"] for row in found["artifacts"]} == {found["shared_bytes"]}
    assert all(row["is_shared_widely"] for row in found["artifacts"])
    assert "many others" in project("stats", "--storage").out


@given(st.lists(st.sets(st.integers(0, 30), max_size=8), max_size=30))
def test_a_number_stands_for_the_artifacts_that_joined(wanted: list[set[int]]) -> None:
    sets = OwnerSets()
    numbers = [NOBODY] * len(wanted)
    for artifact in range(31):
        for at, members in enumerate(wanted):
            if artifact in members:
                numbers[at] = sets.joined(numbers[at], artifact)
    assert [set(sets.members[number]) for number in numbers] == wanted
    equal = {tuple(sorted(members)): number for members, number in zip(wanted, numbers, strict=True)}
    assert [equal[tuple(sorted(members))] for members in wanted] == numbers, "one number a set"


def test_more_than_the_most_are_many() -> None:
    sets, number = OwnerSets(), NOBODY
    for artifact in range(storage_owners.SHARERS_MAX + 9):
        number = sets.joined(number, artifact)
    assert number == MANY and len(sets.members) < storage_owners.SHARERS_MAX + 9


def test_what_another_branch_names_is_elsewhere_and_what_git_forgot_is_unused(git_project: Project) -> None:
    git_project.git("checkout", "-qb", "side")
    git_project.commit("side.csv", "x,y\n" * 900)
    git_project.git("add", "-A")
    git_project.git("commit", "-qm", "side")
    git_project.git("checkout", "-q", "main")
    found = ask(git_project)
    assert part(found, "elsewhere") > 0 and part(found, "unused") == 0 and found["artifacts"] == []
    assert "Git's history" in git_project("stats", "--storage").out


def test_another_work_tree_counts_its_files_and_those_it_shares(git_project: Project, tmp_path: Path) -> None:
    git_project.commit("rows.csv", "a,b\n" * 900)
    git_project.git("add", "-A")
    git_project.git("commit", "-qm", "rows")
    git_project.git("worktree", "add", "-q", str(tmp_path / "other"))
    other = Project(tmp_path / "other")
    other("status")
    found = other("stats", "--storage", "--json").data
    assert found["disk_bytes"] == on_disk(git_project) + on_disk(other)
    assert not wrong_sums(found, found["disk_bytes"])
    assert [row["artifact"] for row in found["artifacts"]] == ["data/rows"]


def test_without_git_it_is_a_note(git_project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from pacha.repo.git import Git, GitFailed

    git_project.commit("rows.csv", "a,b\n1,2\n")

    def refuse(*words: object) -> None:
        raise GitFailed("git cannot be run")

    monkeypatch.setattr(Git, "history_files", refuse)
    found = ask(git_project)
    assert found["gc"] is None and len(found["notes"]) == 2
    assert "counts as unused: git cannot be run" in found["notes"][1]


def test_it_is_told_on_a_read_only_mount(filled: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    before = ask(filled)
    mount_read_only(monkeypatch)
    assert ask(filled) == before


def test_the_largest_are_shown_and_all_where_that_is_asked(project: Project) -> None:
    for number in range(4):
        project.write(f"{number}.csv", "a,b\n" * (900 * number))
        commit_as(project, f"{number}.csv", f"rows-{number}" + "-long" * 10)
    answer = project("stats", "--storage", "-n", "2")
    assert answer.out.count("data/rows-") == 2 and "2 of 4 artifacts; --all shows the others" in answer.err
    assert "…" in answer.out and "-long" * 10 not in answer.out
    assert project("stats", "--storage", "--all").out.count("data/rows-") == 4
    assert all(line == line.rstrip() for line in answer.out.splitlines())
    assert "#" in answer.out and "█" not in answer.out and "\x1b" not in answer.out
    assert "█" in project("--color", "always", "stats", "--storage").out
    for words in (["-n", "2"], ["--all"], ["--storage", "--all", "-n", "2"]):
        project("stats", *words, code=2)
