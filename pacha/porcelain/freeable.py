"""What `gc` would free, for those who only ask how much is stored: a sum, and a note where it cannot be told."""

from dataclasses import dataclass

from pacha.base.errors import Absent, Corrupt, MachineFailed
from pacha.porcelain.gc import gc
from pacha.porcelain.removing import DAY_SECONDS
from pacha.porcelain.workspace import Workspace
from pacha.repo.git import GitFailed

#: Where one of these is raised, gc deletes nothing; whoever asks for sizes is told so.
CANNOT_TELL = (GitFailed, MachineFailed, Corrupt, Absent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeable:
    """What a gc with the usual grace would do now. Units: bytes.

    `trashed_bytes` would go to the trash, `deleted_bytes` be gone, `waiting_bytes` stay in the trash for their grace.
    """

    grace_days: int
    trashed_bytes: int
    deleted_bytes: int
    waiting_bytes: int


def freeable(workspace: Workspace) -> tuple[Freeable | None, str | None]:
    """Plans a gc, and carries nothing out. Where gc would refuse: no sum, and why."""
    days = workspace.repository.config.number("gc.grace_days")
    try:
        report = gc(workspace, grace_seconds=days * DAY_SECONDS, dry_run=True)
    except CANNOT_TELL as error:
        return None, error.message
    return Freeable(
        grace_days=days,
        trashed_bytes=report.trashed_bytes,
        deleted_bytes=report.freed_bytes,
        waiting_bytes=sum(item.size for item in report.waiting),
    ), None
