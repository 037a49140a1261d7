"""Several who push at once: every push that was acknowledged is reachable; a place that lies loses some."""

from pathlib import Path

from pacha.base.errors import PachaError
from tests.remotes.soak import race


def test_pushes_at_once_are_all_reachable(tmp_path: Path) -> None:
    acknowledged, reachable = race([str(tmp_path / "remote")], tmp_path / "work", writers=4, pushes=3)
    assert acknowledged == reachable == 13


def test_the_harness_finds_what_a_lying_place_loses(tmp_path: Path) -> None:
    """The negative control: entries are overwritten, so acknowledged pushes are gone, or the log no longer holds."""
    try:
        acknowledged, reachable = race(
            [str(tmp_path / "remote")], tmp_path / "work", writers=4, pushes=3, is_lying=True
        )
    except PachaError:
        return
    assert reachable < acknowledged
