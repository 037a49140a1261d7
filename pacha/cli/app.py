"""What a command is handed: the open workspace, made when it is first asked for, and the output."""

import os
from importlib import import_module
from types import TracebackType

from pacha.base.errors import PachaError
from pacha.cli.progress import Watched
from pacha.cli.render import Output
from pacha.porcelain.workspace import ON_DEMAND, REMEMBERED, Workspace
from pacha.registry.resolve import HEAD, Revision
from pacha.repo.environment import Environment
from pacha.repo.repository import open_repository

#: What opens remotes; it would slow the start of all that needs none.
AWAY = "pacha.cli.away"


class App:
    """One run of the program."""

    def __init__(self, environment: Environment, output: Output) -> None:
        self.environment = environment
        self.output = output
        self.start = os.getcwd()
        self.overrides: dict[str, str] = {}
        #: A remote that is read in place of a repository.
        self.repo = environment.get("PACHA_REPO")
        self.is_debug = False
        self._workspace: Workspace | None = None

    def __enter__(self) -> "App":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._workspace is not None:
            self._workspace.close()
            self._workspace = None
        self.output.close()

    @property
    def workspace(self) -> Workspace:
        """The repository at or above where the command was started. Errors: those of `open_repository`."""
        if self._workspace is None:
            if self.repo is not None:
                view = import_module(AWAY).view
                self._workspace = view(self.repo, start=self.start, environment=self.environment, output=self.output)
                assert self._workspace is not None
                return self._workspace
            repository = open_repository(
                self.start, environment=self.environment, overrides=self.overrides, progress=Watched(self.output)
            )
            for warning in repository.config.warnings:
                self.output.note(warning)
            self.output.set_settings(
                color=repository.config.text("core.color"), pager=repository.config.text("core.pager")
            )
            self._workspace = Workspace(repository)
            remote = repository.read_state(ON_DEMAND)
            if remote is not None:
                import_module(AWAY).fill_from(self._workspace, remote.decode("utf-8", "replace").strip())
        return self._workspace

    def fresh(self) -> Workspace:
        """The workspace, opened again after something was written."""
        if self._workspace is not None:
            self._workspace.close()
            self._workspace = None
        return self.workspace

    def relative(self, path: str) -> str:
        """A path that was typed, as the work tree names it."""
        return self.workspace.relative(path, start=self.start)

    def resolve(self, text: str, *, bare: str = HEAD, of: Workspace | None = None) -> Revision:
        """A reference or path that was typed. Says which of two readings it took."""
        revision = (of or self.workspace).resolve(text, start=self.start, bare=bare)
        if revision.note is not None:
            self.output.note(revision.note)
        return revision

    def hint_only_here(self) -> None:
        """Where this repository is shared: says that others do not have it yet."""
        if self.workspace.repository.shared.stat(REMEMBERED) is not None:
            self.output.hint("only here until `pacha push`")

    def try_workspace(self) -> Workspace | None:
        """The workspace, or None where there is none: for completion, which must never complain."""
        try:
            return self.workspace
        except PachaError:
            return None
