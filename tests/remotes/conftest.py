"""Servers that the tests of this room share; each is started by the first test that needs it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.remotes import servers


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The credentials that S3 stubs accept; nothing of this user's own."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in servers.KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The endpoint of a moto with the bucket `pacha`."""
    with servers.moto("pacha") as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def localbucket() -> Iterator[str]:
    """The endpoint of a localbucket with the bucket `pacha`."""
    with servers.localbucket("pacha") as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Served]:
    """A `pacha serve` that believes what it is sent."""
    with servers.serve(tmp_path_factory.mktemp("trusting") / "remote", program="tests.remotes.trusting") as served:
        yield served


@pytest.fixture(scope="session")
def web_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the static servers hand out."""
    return tmp_path_factory.mktemp("web")


@pytest.fixture(scope="session")
def nginx(web_folder: Path) -> Iterator[str]:
    """The URL of an nginx over `web_folder`."""
    with servers.nginx(web_folder) as url:
        yield url


@pytest.fixture(scope="session")
def http_server(web_folder: Path) -> Iterator[str]:
    """The URL of a `python -m http.server` over `web_folder`."""
    with servers.http_server(web_folder) as url:
        yield url
