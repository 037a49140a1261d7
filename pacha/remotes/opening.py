"""Opens a remote by its URL."""

from collections.abc import Mapping

from pacha.remotes.folder import open_folder_remote
from pacha.remotes.remote import Remote
from pacha.repo.environment import Environment


def open_remote(url: str, settings: Mapping[str, str | bool], *, environment: Environment) -> Remote:
    """Opens a folder."""
    del settings, environment
    return open_folder_remote(url)
