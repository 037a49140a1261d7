"""A hostile `.pacha` can do nothing but be refused: nothing is run, written elsewhere, followed or believed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pacha.base.canonical import decode_lines, encode_lines
from pacha.base.ids import hash_bytes
from pacha.objects.types import Link
from pacha.store.meta import meta_path
from tests.conftest import Project

READING = (
    ["status"], ["list"], ["list", "rows"], ["search"], ["log"], ["show", "rows"], ["diff", "rows~1", "rows:head"], ["verify"], ["fsck"], ["stats"], ["stats", "--storage"],
    ["gc", "-n"], ["resolve"], ["rev-list", "rows"], ["for-each-ref"], ["count-objects"], ["reindex"], ["doctor"],
    ["config", "list"],
)  # fmt: skip
WRITING = (
    ["checkout", "--force"],
    ["checkout", "rows", "--force"],
    ["add", "rows.csv"],
    ["commit", "rows.csv", "-m", "x"],
    ["tag", "rows", "5.0.0"],
    ["gc", "--prune=now"],
)


def store(project: Project) -> Path:
    return project.path / ".pacha"


def replace_head(project: Project, change: Callable[[dict[str, object]], object]) -> Link:
    """Puts a changed copy of the head in its place, as a hostile branch would."""
    folder = store(project) / "refs/heads/data/rows"
    old = next(folder.iterdir())
    value = decode_lines((store(project) / meta_path(Link.parse(old.read_text().strip()))).read_bytes())
    assert isinstance(value, dict)
    change(value)
    raw = encode_lines(value)
    link = Link("manifest", hash_bytes(raw))
    path = store(project) / meta_path(link)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(raw)
    old.unlink()
    (folder / link.id.hex).write_text(f"{link}\n")
    return link


def config(project: Project) -> None:
    (store(project) / "config.toml").write_text(
        f'[core]\npager = "touch {project.path.parent}/canary"\ndurability = "none"\njobs = 99\n'
        f'[user]\nname = "Mallory"\n[safe]\ndirectory = ["*"]\n[x]\ny = {{ z = 1 }}\n'
    )


def broken_config(project: Project) -> None:
    (store(project) / "config.toml").write_text("a." * 20_000 + "b = 1\n")


def folder_link(project: Project) -> None:
    shutil.move(store(project) / "objects/manifest", project.path.parent / "elsewhere")
    (store(project) / "objects/manifest").symlink_to(project.path.parent / "elsewhere")


def refs_link(project: Project) -> None:
    shutil.move(store(project) / "refs", project.path.parent / "elsewhere")
    (store(project) / "refs").symlink_to(project.path.parent / "elsewhere")


def pipe(project: Project) -> None:
    os.mkfifo(store(project) / f"refs/heads/data/rows/{'0' * 64}")


def endless(project: Project) -> None:
    (store(project) / f"refs/heads/data/rows/{'0' * 64}").symlink_to("/dev/zero")


def big_ref(project: Project) -> None:
    with open(store(project) / f"refs/heads/data/rows/{'0' * 64}", "wb") as file:
        file.truncate(10 << 30)


def escape(path: str) -> Callable[[Project], object]:
    return lambda project: replace_head(project, lambda value: value.update(path=path))


def evil_tree(project: Project) -> None:
    replace_head(
        project, lambda value: value.update(files=[{"path": "../../evil", "size": 8, "digest": value["digest"]}])
    )


def deep(project: Project) -> None:
    raw = b'{"a":' * 50_000
    link = Link("manifest", hash_bytes(raw))
    path = store(project) / meta_path(link)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(raw)
    (store(project) / f"refs/heads/data/rows/{link.id}").write_text(f"{link}\n")


def names(project: Project) -> None:
    for name in ("..\\x", "CON", "UPPER", "a\x1b[31m", "x.lock"):
        (store(project) / "refs/heads/data" / name).mkdir()
        (store(project) / "refs/heads/data" / name / ("0" * 64)).write_text("x\n")


def cycle(project: Project) -> None:
    """A manifest cannot name itself; one that claims to follow what is not there ends the walk."""
    replace_head(
        project, lambda value: value.update(parents=[{"role": "previous", "manifest": f"manifest:{'1' * 64}"}])
    )


ATTACKS: dict[str, Callable[[Project], object]] = {
    "config": config, "broken config": broken_config, "folder link": folder_link, "refs link": refs_link, "pipe": pipe,
    "endless": endless, "big ref": big_ref, "escape": escape("../../evil"), "into git": escape(".git/hooks/pre-commit"),
    "into pacha": escape(".pacha/config.toml"), "git in other letters": escape(".GIT/config"), "absolute": escape("/etc/evil"),
    "tree": evil_tree, "deep": deep, "names": names, "cycle": cycle,
}  # fmt: skip


@pytest.fixture
def victim(git_project: Project) -> Project:
    """A repository with two versions."""
    git_project.commit("rows.csv", "a,b\n1,2\n")
    git_project("tag", "rows", "1.0.0")
    git_project.commit("rows.csv", "a,b\n3,4\n")
    git_project.git("add", "-A")
    git_project.git("commit", "-qm", "all")
    return git_project


def outside(project: Project) -> dict[str, bytes]:
    """Everything that no command may touch."""
    found = {}
    for top in (project.path.parent, project.path / ".git/hooks"):
        for path in top.rglob("*"):
            inside = path.is_relative_to(project.path) and not path.is_relative_to(project.path / ".git/hooks")
            if path.is_file() and not path.is_symlink() and not inside:
                found[str(path)] = path.read_bytes()
    return found


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_or_without_effect(attack: str, victim: Project) -> None:
    ATTACKS[attack](victim)
    before = outside(victim)
    for words in (*READING, *WRITING):
        answer = victim("--no-pager", *words, code=None)
        assert answer.code in (0, 1, 2, 3, 4, 5, 6, 9), (words, answer)
        assert "Traceback" not in answer.err
    after = outside(victim)
    # A folder that is a link to another place of ours may be read by nobody, and written by nobody.
    assert {path: after[path] for path in before} == before
    assert set(after) == set(before)
    assert (victim.path / ".git/config").read_text().startswith("[core]")


def test_settings_that_are_checked_in_weaken_nothing(victim: Project) -> None:
    config(victim)
    rows = {row["key"]: row for row in victim("config", "list", "--json").data}
    assert all(row["layer"] != "project" for row in rows.values())
    assert "not allowed" in victim("status").err


def test_no_program_but_git_is_run(victim: Project) -> None:
    """By the audit events of the interpreter: every process that is started is named."""
    config(victim)
    script = (
        "import sys\n"
        "seen = []\n"
        "sys.addaudithook(lambda event, found: seen.append(str(found[0])) if event in ('subprocess.Popen', 'os.exec', 'os.system', 'os.posix_spawn', 'socket.connect') else None)\n"
        "from pacha.cli.main import main\n"
        f"for words in {[*READING, *WRITING]!r}:\n"
        "    main(words)\n"
        "print('RUN', sorted(set(seen)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=victim.path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.stdout.rpartition("RUN ")[2].strip() == "['git']", done


def test_a_pickle_is_stored_and_never_loaded(project: Project, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    payload = b"cos\nsystem\n(S'touch " + str(canary).encode() + b"'\ntR."
    for name in ("evil.pkl", "evil.pt", "evil.joblib"):
        project.write(name, payload)
        project("add", name, "--kind", "model", "--name", name.replace(".", "-"))
    project("commit", "-m", "evil")
    for words in (["status"], ["show", "evil-pkl"], ["verify"], ["fsck"], ["diff", "evil-pkl", "evil-pt"]):
        project(*words)
    assert not canary.exists()
    assert project("cat", "evil-pkl").raw == payload
