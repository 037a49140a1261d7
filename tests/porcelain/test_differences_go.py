"""What rests on bytes that go, here or on a remote, is still there and still itself afterwards (I9)."""

import pytest

from tests.conftest import Project
from tests.porcelain.test_gc_remote import age, gc, remove_refs
from tests.remotely import clone, packs
from tests.tensors import versions


@pytest.fixture
def tuned(project: Project) -> tuple[Project, list[bytes]]:
    """Three versions of weights, each stored as a difference, pushed."""
    found = list(versions(3))
    for number, data in enumerate(found, start=1):
        project.write("m.safetensors", data)
        project("commit", "m.safetensors", "-m", f"step {number}", "--tag", f"{number}.0.0")
    project("remote", "add", "origin", str(project.path.parent / "bucket"))
    project("push")
    assert sum(path.stat().st_size for path in packs(project)) < 2.5 * len(found[0]), (
        "the control: there are differences"
    )
    return project, found


def test_erasing_a_base_leaves_what_rests_on_it(tuned: tuple[Project, list[bytes]]) -> None:
    project, data = tuned
    project("erase", "m:1.0.0", "--reason", "leak", "--remote", "origin")
    project("fsck", "--remote", "origin", "--read-data")
    project("fsck")
    other = clone(project)
    other("fsck")
    for place in (project, other):
        for number in (2, 3):
            place("checkout", f"m:{number}.0.0", "--to", f"out{number}")
            assert place.read(f"out{number}") == data[number - 1]
        place("cat", "m:1.0.0", code=3)


def test_freeing_a_base_leaves_what_rests_on_it(tuned: tuple[Project, list[bytes]]) -> None:
    project, data = tuned
    project("gc", "--pushed", "origin", "--prune=now")
    project("fsck")
    project("checkout", "m:3.0.0", "--to", "out")
    assert project.read("out") == data[2]
    project("pull", "--all")
    project("checkout", "m:2.0.0", "--to", "out", "--force")
    assert project.read("out") == data[1]


def test_gc_of_a_remote_keeps_the_base_of_what_a_ref_reaches(tuned: tuple[Project, list[bytes]]) -> None:
    project, data = tuned
    project("checkout", "m:3.0.0", "--force")
    project("model", "register", "copy", "m.safetensors", "-v", "1.0.0")
    project("push")
    remove_refs(project, "model/m")
    gc(project, "--yes")
    age(project, 30)
    gc(project, "--yes")
    project("fsck", "--remote", "origin", "--read-data")
    other = clone(project)
    other("checkout", "copy:1.0.0", "--to", "out")
    assert other.read("out") == data[2]
