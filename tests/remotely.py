"""Looking at, and damaging, the folder that a project pushes to, and its own packs."""

from pathlib import Path

from tests.conftest import Project, run_here


def there(project: Project, folder: str) -> list[Path]:
    """The files of the remote, the largest first."""
    return sorted((project.path.parent / "bucket" / folder).iterdir(), key=lambda path: -path.stat().st_size)


def flip(path: Path, at: int = -200) -> None:
    """Changes one bit."""
    data = bytearray(path.read_bytes())
    data[at] ^= 4
    path.write_bytes(bytes(data))


def packs(project: Project) -> list[Path]:
    """The packs here, the largest first."""
    return sorted((project.path / ".pacha/objects/pack").glob("*.pack"), key=lambda path: -path.stat().st_size)


def clone(project: Project, name: str = "clone") -> Project:
    """A clone of the remote with all bytes."""
    target = project.path.parent / name
    answer = run_here(["clone", str(project.path.parent / "bucket"), str(target)])
    assert answer.code == 0, answer.err
    made = Project(target)
    made("pull", "--all")
    return made
