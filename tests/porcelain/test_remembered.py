"""What this machine remembers of remotes is forgotten when it is told to, and never outlives what it is about."""

from pathlib import Path

import pytest

from pacha.porcelain.view import open_view
from pacha.repo.environment import Environment
from tests.conftest import Project


def test_a_forgotten_remote_leaves_nothing_that_vouches_for_it(project: Project) -> None:
    project.commit("rows.csv", "a,b\n1,2\n")
    project("remote", "add", "origin", "../bucket")
    project("push")
    project("fetch")
    (folder,) = (project.path / ".pacha/local/remotes").iterdir()
    assert {"state", "fetched"} <= {path.name for path in folder.iterdir()}
    project("remote", "forget", "origin")
    assert {"state", "fetched"}.isdisjoint(path.name for path in folder.iterdir())


def test_a_view_without_a_cache_leaves_no_folder(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.commit("rows.csv", "a,b\n1,2\n")
    project("push", str(tmp_path / "bucket"))
    (tmp_path / "taken").write_text("no folder can be made below a file")
    (tmp_path / "passing").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "passing"))
    variables = {"PACHA_CACHE_DIR": str(tmp_path / "taken/cache")}
    view = open_view(
        str(tmp_path / "bucket"), start="/", environment=Environment(variables=variables, user_id=0, home=str(tmp_path))
    )
    assert [str(artifact) for artifact in view.catalog.artifacts()] == ["data/rows"]
    assert list((tmp_path / "passing").iterdir())
    view.close()
    assert list((tmp_path / "passing").iterdir()) == []
