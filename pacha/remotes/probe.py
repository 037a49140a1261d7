"""Tries what a remote can do."""

from pacha.remotes.remote import Remote


def check_may_write(remote: Remote) -> None:
    """Does nothing yet."""
    del remote
