"""`pacha doctor`: tries what Pacha needs from this machine and this folder, and says what it found."""

import os
import shutil
import sys
from dataclasses import dataclass

from pacha.base.errors import PachaError
from pacha.base.probe import probe
from pacha.porcelain.status import untracked_meta
from pacha.porcelain.workspace import Workspace
from pacha.worktree.chunker import is_compiled

#: Below this, the next big `add` will not fit.
FREE_BYTES_MIN = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was tried. `is_good` is False where a person should do something; `advice` says what."""

    name: str
    is_good: bool
    found: str
    advice: str | None = None


def doctor(workspace: Workspace) -> list[Finding]:
    """Tries file system, Git, packages and settings. Writes only in the folder for unfinished files."""
    repository = workspace.repository
    # `platform.platform()` would run another program.
    system = os.uname()
    findings = [
        Finding(
            name="python",
            is_good=True,
            found=f"{sys.version.split()[0]} on {system.sysname} {system.release} {system.machine}",
        ),
        Finding(name="repository", is_good=True, found=f"{repository.root.path}, id {repository.format.id}"),
    ]
    findings.extend(_machine(workspace))
    findings.append(_git(workspace))
    findings.append(
        Finding(
            name="chunker", is_good=is_compiled(), found="compiled" if is_compiled() else "pure Python, 500 times slower",
            advice=None if is_compiled() else "install a wheel of pyfastcdc for this Python",
        )
    )  # fmt: skip
    name = repository.config.text("user.name")
    git_name = repository.git.setting("user.name") if repository.git else None
    findings.append(
        Finding(
            name="author", is_good=bool(name or git_name), found=name or git_name or "nobody",
            advice=None if name or git_name else 'pacha config set user.name "Your Name"',
        )
    )  # fmt: skip
    return findings


def _machine(workspace: Workspace) -> list[Finding]:
    shared = workspace.repository.shared
    free = shared.free_bytes()
    findings = [
        Finding(
            name="space", is_good=free >= FREE_BYTES_MIN, found=f"{free >> 20} MiB free",
            advice=None if free >= FREE_BYTES_MIN else "free some space, or run `pacha gc`",
        )
    ]  # fmt: skip
    if not shared.is_writable():
        return [*findings, Finding(name="writing", is_good=True, found="read-only: every reading command works here")]
    try:
        results = probe(shared)
    except PachaError as error:
        return [*findings, Finding(name="writing", is_good=False, found=error.message, advice=error.hint)]
    return [
        *findings,
        *(
            Finding(
                name=item.name, is_good=item.is_good, found=item.found, advice=None if item.is_good else item.advice
            )
            for item in results
        ),
    ]


def _git(workspace: Workspace) -> Finding:
    git = workspace.repository.git
    if shutil.which("git") is None:
        return Finding(name="git", is_good=False, found="not installed", advice="install git, or set git.stage = false")
    if git is None:
        return Finding(name="git", is_good=True, found="no Git work tree around this repository")
    names, notes = untracked_meta(workspace)
    if names or notes:
        found = notes[0] if notes else f"{len(names)} files of `.pacha` are not tracked"
        return Finding(name="git", is_good=False, found=found, advice="git add .pacha")
    return Finding(name="git", is_good=True, found=f"{git.work_tree}, all of `.pacha` is tracked")
