"""The project's Git repository, asked by running `git`: the one program that Pacha ever runs.

It runs with hooks, the file system monitor, the pager and prompts off, only in a repository that this user owns, and
never to change anything but the index entries of META paths. Where a repository lies is found by reading files.
"""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pacha.base.errors import Absent, NotFound, PachaError

if TYPE_CHECKING:
    import subprocess

#: Where a repository keeps what belongs to its linked work trees.
LINKED_FOLDER = "worktrees"
#: Git answers small questions; one that takes longer hangs on something.
TIMEOUT_SECONDS = 60
#: Git's index is locked for moments; whoever holds it for three seconds has died or waits for a person.
LOCK_FILE, LOCK_TRIES, LOCK_WAIT_SECONDS = "index.lock", 60, 0.05
#: Nobody types a longer name of a commit.
REVISION_LENGTH_MAX = 1024
_SAFE = (
    "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat", "-c", "gc.auto=0",
    "-c", "maintenance.auto=false", "-c", "core.quotePath=false", "-c", "protocol.allow=never",
)  # fmt: skip


class GitFailed(PachaError):
    """Git could not be asked."""

    exit_code = 10


class NoSuchRevision(NotFound):
    """Git knows no commit of that name."""


class ShallowHistory(Absent):
    """The commit that is needed lies beyond what a shallow clone has."""

    usual_hint = "fetch the history: `git fetch --unshallow`, or `fetch-depth: 0` for actions/checkout"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommittedFile:
    """A file in a commit, by its path below the folder that was asked for. Units: bytes. A link is not regular."""

    path: str
    blob: str
    size: int
    is_regular: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """One work tree of a Git repository. `common` is the repository that all its work trees share."""

    work_tree: str
    git_dir: str
    common: str
    variables: tuple[tuple[str, str], ...] = ()

    def run(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """Runs git and returns what it printed. Errors: `GitFailed`."""
        done = self._call(*arguments, stdin=stdin)
        if done.returncode != 0:
            text = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise GitFailed(f"git {arguments[0]} failed: {text[0] if text else done.returncode}")
        return done.stdout

    def _call(self, *arguments: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        # Where no Git is, it is not needed, and it takes a fortieth of a command's start to load.
        import subprocess

        environment = {
            **{name: value for name, value in self.variables if not name.startswith("GIT_")},
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_PAGER": "cat",
            "LC_ALL": "C",
        }
        command = ["git", *_SAFE, "-C", self.work_tree, *arguments]
        try:
            return subprocess.run(
                command, input=stdin, capture_output=True, env=environment, timeout=TIMEOUT_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise GitFailed(f"git cannot be run: {error}", hint="install git, or set git.stage = false") from error

    def tracked(self, *paths: str) -> list[str]:
        """The tracked files at or below some paths (relative to the work tree, not patterns)."""
        output = self.run("ls-files", "-z", "--", *(f":(literal){path}" for path in paths))
        return [os.fsdecode(name) for name in output.split(b"\0") if name]

    def untracked(self, *paths: str) -> list[str]:
        """Files at or below some paths that Git does not track, whatever it ignores."""
        output = self.run("ls-files", "-z", "--others", "--", *(f":(literal){path}" for path in paths))
        return [os.fsdecode(name) for name in output.split(b"\0") if name]

    def stage(self, paths: Iterable[str]) -> None:
        """Puts files into the index as they are now, and takes out those that are gone. Never commits."""
        listed = b"".join(os.fsencode(path) + b"\0" for path in sorted(paths))
        if not listed:
            return
        for _ in range(LOCK_TRIES - 1):
            try:
                self.run("update-index", "--add", "--remove", "-z", "--stdin", stdin=listed)
                return
            except GitFailed as error:
                # Another command is at the index for a moment; Git itself never waits.
                if LOCK_FILE not in error.message:
                    raise
            time.sleep(LOCK_WAIT_SECONDS)
        self.run("update-index", "--add", "--remove", "-z", "--stdin", stdin=listed)

    def setting(self, key: str) -> str | None:
        """A value of Git's own configuration, for who the author is."""
        try:
            return self.run("config", "--get", key).decode("utf-8", "replace").strip() or None
        except GitFailed:
            return None

    # -- commits ---------------------------------------------------------------------------------------------------

    def find_commit(self, text: str) -> str | None:
        """The id of the commit that a text names, or None. Whatever the text is, Git takes it for a name."""
        is_name = 0 < len(text) <= REVISION_LENGTH_MAX and text.isprintable() and not text.startswith("-")
        return self._object(f"{text}^{{commit}}") if is_name else None

    def commit(self, text: str) -> str:
        """The id of the commit that a text names. Errors: `NoSuchRevision`, `ShallowHistory`."""
        found = self.find_commit(text)
        if found is not None:
            return found
        if self.is_shallow():
            raise ShallowHistory(f"{text[:80]!r} is not in this shallow clone", revision=text[:80])
        raise NoSuchRevision(
            f"Git knows no commit {text[:80]!r}",
            hint="name a branch, a tag or a commit, for instance HEAD~1 or origin/main",
            revision=text[:80],
        )

    def merge_base(self, left: str, right: str) -> str | None:
        """The best common ancestor of two commits, given by their ids; None if there is none here."""
        done = self._call("merge-base", left, right)
        if done.returncode > 1:
            raise GitFailed(f"git merge-base failed: {done.stderr.decode('utf-8', 'replace').strip()[:200]}")
        lines = done.stdout.decode("ascii").split()
        return lines[0] if done.returncode == 0 and lines else None

    def is_shallow(self) -> bool:
        """Tells whether this clone was cut off from older history."""
        return self.run("rev-parse", "--is-shallow-repository").strip() == b"true"

    def files_at(self, commit: str, folder: str) -> list[CommittedFile]:
        """Every file below a folder in a commit, given by its id; none if the commit has no such folder."""
        tree = self._object(f"{commit}:{folder}")
        if tree is None:
            return []
        found = []
        for line in self.run("ls-tree", "-r", "-l", "-z", tree).split(b"\0"):
            meta, tab, path = line.partition(b"\t")
            mode, kind, blob, size = (*meta.split(), b"", b"", b"", b"")[:4]
            if tab and kind == b"blob":
                is_regular = mode in (b"100644", b"100755")
                found.append(
                    CommittedFile(
                        path=os.fsdecode(path), blob=blob.decode("ascii"), size=int(size), is_regular=is_regular
                    )
                )
        return found

    def _object(self, name: str) -> str | None:
        done = self._call("rev-parse", "--verify", "--quiet", "--end-of-options", name)
        lines = done.stdout.decode("ascii", "replace").split()
        return lines[0] if done.returncode == 0 and len(lines) == 1 else None

    def history_files(self, folder: str) -> Iterator[tuple[str, str]]:
        """Path and Git blob of every file that any commit ever added below a folder.

        Every commit that a branch, a tag, a stash, a reflog entry or any work tree's HEAD or index reaches counts.
        """
        seen = set()
        output = self.run(
            "log", "--all", "--reflog", "--format=", "--raw", "-z", "--no-abbrev", "--no-renames", "-m", "--root",
            "--diff-filter=AM", "--", f":(literal){folder}",
        )  # fmt: skip
        fields = output.split(b"\0")
        for meta, path in zip(fields[0::2], fields[1::2], strict=False):
            blob = meta.split(b" ")[3].decode("ascii")
            item = (os.fsdecode(path), blob)
            if item not in seen:
                seen.add(item)
                yield item

    def staged_files(self, work_tree: str, folder: str) -> Iterator[tuple[str, str]]:
        """Path and Git blob of every file below a folder that a work tree's index holds."""
        output = self.run("-C", work_tree, "ls-files", "-s", "-z", "--full-name", "--", f":(literal,top){folder}")
        for line in output.split(b"\0"):
            meta, tab, path = line.partition(b"\t")
            if tab:
                yield os.fsdecode(path), meta.split(b" ")[1].decode("ascii")

    def work_trees(self) -> list[str]:
        """The folders of all work trees, this one included, bare repositories left out."""
        found, is_bare = [], False
        for block in self.run("worktree", "list", "--porcelain", "-z").split(b"\0\0"):
            lines = [line for line in block.split(b"\0") if line]
            is_bare = b"bare" in lines
            for line in lines:
                if line.startswith(b"worktree ") and not is_bare:
                    found.append(os.fsdecode(line.removeprefix(b"worktree ")))
        return found

    def read_blobs(self, blobs: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Yields the content of Git blobs, by `git cat-file --batch`."""
        if not blobs:
            return
        output = self.run("cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in blobs).encode("ascii"))
        at = 0
        while at < len(output):
            end = output.index(b"\n", at)
            header = output[at:end].split(b" ")
            if len(header) != 3:
                raise GitFailed(f"git has lost the object {header[0].decode('ascii', 'replace')}")
            size = int(header[2])
            yield header[0].decode("ascii"), output[end + 1 : end + 1 + size]
            at = end + 1 + size + 1

    def relative(self, path: str) -> str:
        """A path as Git names it: relative to the work tree."""
        return os.path.relpath(os.path.realpath(path), os.path.realpath(self.work_tree)).replace(os.sep, "/")


def find_git(start: str, *, user_id: int, variables: Sequence[tuple[str, str]]) -> Git | None:
    """Finds the Git work tree that holds a folder, by reading files only; None if there is none that we own."""
    folder = Path(start).resolve()
    for candidate in (folder, *folder.parents):
        marker = candidate / ".git"
        git_dir = _git_dir(marker)
        if git_dir is None:
            continue
        if marker.lstat().st_uid != user_id or git_dir.stat().st_uid != user_id:
            return None
        return Git(
            work_tree=str(candidate), git_dir=str(git_dir), common=str(_common(git_dir)), variables=tuple(variables)
        )
    return None


def lost_link(start: str) -> str | None:
    """The folder in its main repository that a linked work tree names, where `find_git` has found no Git; else None."""
    folder = Path(start).resolve()
    for candidate in (folder, *folder.parents):
        target = _named_git_dir(candidate / ".git")
        if target is not None:
            return str(target) if target.parent.name == LINKED_FOLDER else None
    return None


def _git_dir(marker: Path) -> Path | None:
    if (marker / "HEAD").is_file():
        return marker
    target = _named_git_dir(marker)
    return target.resolve() if target is not None and (target / "HEAD").is_file() else None


def _named_git_dir(marker: Path) -> Path | None:
    """What the file `.git` of a linked work tree or a submodule names, be it there or not."""
    if not marker.is_file():
        return None
    text = marker.read_text("utf-8", "replace").strip()
    return marker.parent / text.removeprefix("gitdir: ") if text.startswith("gitdir: ") else None


def _common(git_dir: Path) -> Path:
    pointer = git_dir / "commondir"
    if not pointer.is_file():
        return git_dir
    return (git_dir / pointer.read_text("utf-8", "replace").strip()).resolve()
