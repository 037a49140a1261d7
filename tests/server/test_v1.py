"""The API of the earlier registry: what its clients read, in the shapes that they know."""

from pathlib import Path

import pytest

from pacha.base.files import Durability
from pacha.base.ids import hash_bytes
from pacha.repo.environment import Environment
from pacha.server.service import Service, application
from pacha.server.shelf import FolderReader
from pacha.server.tokens import Role
from tests.conftest import Project
from tests.server.asgi import Asked
from tests.server.conftest import Served


@pytest.fixture
def shelf(served: Served, project: Project, tmp_path: Path) -> Asked:
    """A folder to which two models and a dataset were pushed, read with a token that may read."""
    project.write("rows.csv", "a,b\n1,2\n")
    project("data", "register", "rows", "rows.csv", "-v", "2.0.0")
    for version in ("1.0.0", "1.1.0"):
        project.write("model.bin", f"weights of {version}")
        project("model", "register", "fraud", "model.bin", "-v", version, "--trained-on", "rows", "--metric", "auc=0.9")
    project("stage", "fraud:1.0.0", "staging")
    project.write("other/a.bin", "a")
    project.write("other/b.bin", "b")
    project("model", "register", "pair", "other", "-v", "0.1.0")
    project("push", str(served.folder))
    environment = Environment(variables={"PACHA_CACHE_DIR": str(tmp_path / "cache")}, user_id=0, home=str(tmp_path))
    service = Service(
        folder=str(served.folder),
        tokens=served.tokens,
        clock=served.clock,
        log=served_log(served),
        durability=Durability.NONE,
        reader=FolderReader(str(served.folder), environment),
    )
    return Asked(application(service), token=served.token(Role.READ))


def served_log(served: Served):
    from pacha.server.access import AccessLog

    return AccessLog(stream=served.log)


def test_models_are_listed_page_by_page(shelf: Asked) -> None:
    assert shelf("GET", "/api/v1/models").json == {
        "models": [{"name": "fraud", "latest": "1.1.0"}, {"name": "pair", "latest": "0.1.0"}],
        "total": 2,
        "next_cursor": None,
    }
    first = shelf("GET", "/api/v1/models?limit=1").json
    assert first["next_cursor"] == "fraud" and len(first["models"]) == 1
    assert [row["name"] for row in shelf("GET", "/api/v1/models?limit=1&cursor=fraud").json["models"]] == ["pair"]


def test_versions_are_told_with_hash_size_and_stage(shelf: Asked) -> None:
    found = shelf("GET", "/api/v1/models/fraud/versions").json
    assert found["model"] == "fraud"
    assert [(row["version"], row["stage"], row["size"]) for row in found["versions"]] == [
        ("1.1.0", "development", 16),
        ("1.0.0", "staging", 16),
    ]
    assert found["versions"][1]["hash"] == hash_bytes(b"weights of 1.0.0").hex


def test_a_version_is_told_with_its_card_and_origins(shelf: Asked) -> None:
    found = shelf("GET", "/api/v1/models/fraud/versions/1.0.0").json
    assert found["name"] == "fraud" and found["card"]["metrics"] == {"auc": 0.9}
    assert found["lineage"] == {"dataset": "rows:2.0.0"}


def test_bytes_of_a_file_are_handed_out(shelf: Asked) -> None:
    answer = shelf("GET", "/api/v1/models/fraud/versions/1.0.0/artifact")
    assert (answer.status, answer.body) == (200, b"weights of 1.0.0")
    assert shelf("GET", "/api/v1/models/pair/versions/0.1.0/artifact").status >= 400


@pytest.mark.parametrize("path", ["models/nobody/versions", "models/fraud/versions/9.9.9", "models/rows/versions"])
def test_what_is_not_there_is_not_found(shelf: Asked, path: str) -> None:
    assert shelf("GET", f"/api/v1/{path}").status == 404


def test_nothing_is_read_without_a_token(shelf: Asked) -> None:
    assert shelf("GET", "/api/v1/models", token=None).status == 401
