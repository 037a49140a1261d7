"""A repository that is open: its roots, objects, refs, configuration and Git, under one value.

Opening never writes. `Repository.writing` begins a command that does: it checks that this user may, finishes what a
dead process left behind, and hands out a `Session`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from pacha.base.errors import MachineFailed, Unsupported, Untrusted, Usage
from pacha.base.files import Durability, NoSuchFile, Root
from pacha.base.owner import Owner
from pacha.base.progress import Progress, Silent
from pacha.refs.store import Overlay, RefStore
from pacha.refs.transaction import Journaled, overlay_of, read_journals
from pacha.repo.config import Config, load_config
from pacha.repo.environment import Environment
from pacha.repo.git import Git, find_git, lost_link
from pacha.repo.layout import Format, NotOurs, check_private, discover, read_format
from pacha.store.data import DataStore
from pacha.store.meta import MetaStore
from pacha.store.objects import Objects

#: A draft, a memory or another small file of this machine's own state.
STATE_BYTES_MAX = 8 << 20


class NotOwned(Untrusted):
    """The repository belongs to another user, so this one may only read it."""


class ReadingOnly(Usage):
    """A command that writes was given a remote instead of a repository."""


class MainTreeGone(MachineFailed):
    """The main repository of a linked work tree, where its bytes lie, cannot be reached."""


@dataclass(slots=True, kw_only=True)
class Repository:
    """One checkout. `root` is its own `.pacha`; `shared` is that of the main work tree, with packs and journals."""

    root: Root
    shared: Root
    format: Format
    config: Config
    environment: Environment
    git: Git | None
    objects: Objects
    refs: RefStore
    progress: Progress
    journals: list[Journaled] = field(default_factory=list)
    #: A view of a remote: it may be read, and nothing else.
    is_view: bool = False

    @property
    def work_tree(self) -> str:
        """The folder that holds `.pacha`."""
        return os.path.dirname(self.root.path)

    @property
    def jobs(self) -> int:
        """Worker threads for long work."""
        return self.config.number("core.jobs") or min(os.cpu_count() or 1, 8)

    def now(self) -> str:
        """The time, for documents."""
        return self.environment.clock.now()

    def read_state(self, path: str) -> bytes | None:
        """A file of this machine's own state, as unfinished transactions leave it; None if there is none."""
        overlay = self.refs.overlay
        if path in overlay.deleted:
            return None
        if path in overlay.written:
            return overlay.written[path]
        try:
            return self.root.read(path, size_max=STATE_BYTES_MAX)
        except NoSuchFile:
            return None

    def state_files(self, folder: str) -> list[str]:
        """The state files at any depth below a folder, sorted, as unfinished transactions leave them."""
        overlay = self.refs.overlay
        found = set(self.root.walk(folder)) | {path for path in overlay.written if path.startswith(f"{folder}/")}
        return sorted(found - overlay.deleted)

    def check_is_here(self) -> None:
        """Refuses what is about a work tree or a store where there is neither. Errors: `ReadingOnly`."""
        if self.is_view:
            raise ReadingOnly(
                "a remote that is read in place (--repo, PACHA_REPO) has no work tree and no store of its own",
                hint="run it in a clone: `pacha clone URL`",
            )

    def check_may_write(self) -> None:
        """Refuses to write what belongs to somebody else. Errors: `NotOwned`, `MainTreeGone`, `Unsupported`."""
        if self.is_view:
            raise ReadingOnly(
                "this command writes, and a remote that is read in place (--repo, PACHA_REPO) is only read",
                hint="run it in a clone: `pacha clone URL`, then `pacha push`",
            )
        if self.format.optional:
            raise Unsupported(
                f"{self.root.path}: uses {', '.join(self.format.optional)}, which this Pacha can only read",
                hint="install a newer pacha-registry",
            )
        owner = os.stat(self.root.path).st_uid
        safe = self.config.get("safe.directory")
        allowed = safe if isinstance(safe, tuple) else ()
        if owner != self.environment.user_id and "*" not in allowed and self.work_tree not in allowed:
            raise NotOwned(
                f"{self.root.path}: belongs to user {owner}, and you are {self.environment.user_id}",
                hint=f"if you trust its owner, run with PACHA_SAFE_DIRECTORY={self.work_tree}",
                path=self.root.path,
            )
        link = None if self.git is not None else lost_link(self.work_tree)
        if link is not None:
            # What would be stored here would be out of sight as soon as the main repository is back.
            raise MainTreeGone(
                f"{self.work_tree}: a linked work tree of a Git repository that is not there or not yours: {link}",
                hint="if it was moved, run `git worktree repair` in it; if it is another machine's, work in a clone",
                path=link,
            )

    def close(self) -> None:
        """Closes what is open."""
        self.objects.data.close()


def open_repository(
    start: str,
    *,
    environment: Environment,
    overrides: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Repository:
    """Opens the repository at or above a folder, or the one that `PACHA_DIR` names. Writes nothing.

    Errors: `NotARepository`, `BadFormat`, `NewerFormat`, `NotOurs`, `BadSetting`.
    """
    named = environment.get("PACHA_DIR")
    path = os.path.abspath(named) if named else discover(start)
    root = Root(path)
    format = read_format(root)
    config = load_config(environment, overrides or {}, root)
    durability = Durability(config.text("core.durability") or "batch")
    root.durability = durability
    git = find_git(os.path.dirname(path), user_id=environment.user_id, variables=tuple(environment.variables.items()))
    check_private(root)
    shared = _shared_root(root, git, durability)
    if shared.path != root.path and os.path.isdir(shared.path):
        check_private(shared)
    if git is not None:
        _check_untracked(root, git)
    refs = RefStore(root)
    journals = read_journals(shared, now=file_system_time(shared))
    refs.overlay = overlay_of(journals, refs) if journals else Overlay()
    return Repository(
        root=root,
        shared=shared,
        format=format,
        config=config,
        environment=environment,
        git=git,
        objects=Objects(MetaStore(root), DataStore(shared)),
        refs=refs,
        progress=progress or Silent(),
        journals=journals,
    )


def _shared_root(root: Root, git: Git | None, durability: Durability) -> Root:
    """The `.pacha` whose packs this checkout uses: the main work tree's, or one in Git's own folder if it is bare."""
    if git is None or git.git_dir == git.common:
        return root
    if os.path.basename(git.common) == ".git":
        inside = git.relative(root.path)
        main = os.path.join(os.path.dirname(git.common), inside)
    else:
        main = os.path.join(git.common, "pacha")
    return Root(main, durability=durability)


def _check_untracked(root: Root, git: Git) -> None:
    folder = git.relative(root.path)
    tracked = git.tracked(f"{folder}/local", f"{folder}/objects/pack")
    if tracked:
        raise NotOurs(
            f"{tracked[0]}: Git tracks a file where only this machine may write, so nothing there is read",
            hint=f"take it out of Git: git rm -r --cached {folder}/local {folder}/objects/pack",
            path=tracked[0],
        )


def file_system_time(shared: Root) -> float:
    """The file system's idea of now, near enough for half-hour limits: the newest change below `local`."""
    state = shared.stat("local/inflight")
    return state.st_mtime if state is not None else 0.0


def owner_of_process() -> Owner:
    """The running process, for journals and locks."""
    return Owner.current()
