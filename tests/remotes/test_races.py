"""Several who push at once: every push that was acknowledged is reachable; a place that lies loses some."""

from pathlib import Path

import pytest

from tests.remotes.soak import PLACES, overwritten, place, race


@pytest.mark.parametrize("kind", PLACES)
def test_pushes_at_once_are_all_reachable(kind: str, tmp_path: Path) -> None:
    """`python -m tests.remotes.soak --at KIND` does it 800 times."""
    with place(kind, tmp_path) as urls:
        acknowledged, reachable = race(urls, tmp_path / "work", writers=16, pushes=1)
    assert acknowledged == reachable == 17


def test_the_harness_finds_what_a_lying_place_loses(tmp_path: Path) -> None:
    """The negative control: entries are overwritten, so acknowledged pushes are gone."""
    acknowledged, reachable = overwritten(str(tmp_path / "remote"), tmp_path / "work", writers=3)
    assert reachable < acknowledged
