"""`Registry`: everything that the command line does, as calls. Thin: each method hands its words to one verb.

A relative path is relative to the work tree. Nothing here prints; what a person should read is in `notes` of an answer.
"""

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import TracebackType

from pacha.api.artifact import Artifact
from pacha.api.exporting import Exporting
from pacha.api.sharing import Sharing
from pacha.api.values import CardLike, Parents, Path, Reference, said, text_of
from pacha.base.errors import Usage
from pacha.base.files import naming
from pacha.base.names import ArtifactName
from pacha.base.progress import Progress
from pacha.base.semver import Version
from pacha.formats.schema import DataSchema
from pacha.objects.types import Link
from pacha.porcelain.add import AddResult, add
from pacha.porcelain.card import edit_card
from pacha.porcelain.checkout import CheckedOut, checkout_heads, checkout_revision
from pacha.porcelain.clone import clone
from pacha.porcelain.commit import CommitOptions, Committed, commit, commit_paths
from pacha.porcelain.drafting import AddOptions
from pacha.porcelain.init import init
from pacha.porcelain.naming import staged_artifact
from pacha.porcelain.register import RegisterOptions, register
from pacha.porcelain.reset import ResetResult, reset
from pacha.porcelain.said import Said
from pacha.porcelain.stage import MoveOptions, StageMoved, rollback, stage, yank
from pacha.porcelain.tag import TagResult, tag, version_for
from pacha.porcelain.view import open_view
from pacha.porcelain.workspace import Workspace
from pacha.registry.card_file import FILE_BYTES_MAX
from pacha.registry.recipe_file import read_recipe
from pacha.registry.resolve import HEAD, Revision
from pacha.registry.stages import PRODUCTION
from pacha.remotes.named import DEFAULT, NamedRemote
from pacha.repo.environment import Environment
from pacha.repo.repository import open_repository
from pacha.worktree.scan import NoSuchPath


class Registry(Exporting, Sharing):
    """One project's registry. `author` is who its commits and moves are by; else the settings and Git say."""

    @classmethod
    def open(
        cls,
        path: Path = ".",
        *,
        author: str | None = None,
        environment: Environment | None = None,
        progress: Progress | None = None,
    ) -> "Registry":
        """Opens the registry at or above a folder, or that of a remote (`s3://…`, `file://…`), which is then only read.

        A path that is none is an error, never a new one.
        Errors: `NotARepository`, `NewerFormat`, `NotOurs`, `BadSetting`; of a remote, the `RemoteFailed` families.
        """
        surroundings = environment or Environment.current()
        text = os.fspath(path)
        if "://" in text:
            return cls(open_view(text, start=os.getcwd(), environment=surroundings, progress=progress), author=author)
        repository = open_repository(os.fspath(path), environment=surroundings, progress=progress)
        return cls(Workspace(repository), author=author)

    @classmethod
    def init(cls, path: Path = ".", *, author: str | None = None, environment: Environment | None = None) -> "Registry":
        """Makes a registry in a folder that exists, and opens it. Errors: `NotFound`, `Usage` if there is one."""
        surroundings = environment or Environment.current()
        init(os.fspath(path), environment=surroundings, id=secrets.token_hex(16))
        return cls.open(path, author=author, environment=surroundings)

    @classmethod
    def clone(
        cls,
        url: Path,
        folder: Path,
        *,
        with_data: bool = True,
        author: str | None = None,
        environment: Environment | None = None,
        progress: Progress | None = None,
    ) -> "Registry":
        """Makes a repository out of a remote in a new folder, and opens it. Errors: `FolderTaken`, `EmptyRemote`."""
        surroundings = environment or Environment.current()
        text = os.fspath(url)
        remote = NamedRemote(name=DEFAULT, url=text if "://" in text else os.path.abspath(text))
        clone(remote, os.fspath(folder), environment=surroundings, with_data=with_data, progress=progress)
        return cls.open(folder, author=author, environment=surroundings, progress=progress)

    def __enter__(self) -> "Registry":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes what is open."""
        self._workspace.close()

    @contextlib.contextmanager
    def session(self) -> Iterator[None]:
        """Inside, calls that write share one journal: each is as durable when it returns, and costs fewer flushes.

        Git is told of what was written at the end. Errors: `NotOwned`, `MainTreeGone`, `Unsupported`.
        """
        with self._workspace.session():
            yield

    @property
    def path(self) -> str:
        """The work tree: the folder that holds `.pacha`."""
        return self._start

    # -- registering -----------------------------------------------------------------------------------------------

    def register_model(
        self,
        name: str,
        version: str,
        file: Path,
        card: CardLike | None = None,
        *,
        metrics: Mapping[str, float] | None = None,
        parents: Parents | None = None,
        message: str | None = None,
        base: Reference | None = None,
    ) -> Artifact:
        """Registers a file or folder as a version of a model: add, commit and tag, all of it or nothing.

        `version` may be major, minor, patch or auto. `base` names a commit that its tensors are stored as differences to,
        where that is smaller. Errors: `ExistingVersion`, `BadCard`, `BadRole`, `Unstaged`.
        """
        about = said(self._start, "model", card=card, metrics=metrics, parents=parents)
        return self._register("model", name, version, file, about, message, base)

    def register_data(
        self,
        name: str,
        version: str,
        file: Path,
        schema: DataSchema | None = None,
        *,
        card: CardLike | None = None,
        parents: Parents | None = None,
        message: str | None = None,
    ) -> Artifact:
        """Registers a file or folder as a version of a dataset. Its tables must fit `schema`, if there is one.

        Errors: `NotValid` with the row and column, `LyingVersion` for a number that hides what changed in the schema,
        and as `register_model`.
        """
        about = said(self._start, "data", card=card, schema=schema, parents=parents)
        return self._register("data", name, version, file, about, message)

    def register_recipe(
        self, file: Path, *, name: str | None = None, version: str | None = None, message: str | None = None
    ) -> Artifact:
        """Registers a recipe file. Name and version are the file's own where they are not given.

        Errors: `BadCard`, `BadToml`, `NoSuchPath`, and as `register_model`.
        """
        full = self._full(os.fspath(file))
        if not os.path.lexists(full):
            raise NoSuchPath(f"{os.fspath(file)}: no such file", path=os.fspath(file))
        with naming(full), open(full, "rb") as stream:
            recipe = read_recipe(stream.read(FILE_BYTES_MAX + 1), name=os.fspath(file))
        name, version = name or recipe.name, version or recipe.version
        if not name or not version:
            missing = "version" if name else "name"
            raise NoVersion(f"{os.fspath(file)}: has no {missing}", hint=f"write `{missing} = …` into it, or give it")
        return self._register("recipe", name, version, file, said(self._start), message)

    def _register(
        self,
        kind: str,
        name: str,
        version: str,
        file: Path,
        about: Said,
        message: str | None,
        base: Reference | None = None,
    ) -> Artifact:
        artifact = ArtifactName(kind, name.removeprefix(f"{kind}/"))
        bases = () if base is None else (self._revision(base).manifest,)
        options = RegisterOptions(
            version=version, author=self._who(), date=self._now(), message=message, said=about, bases=bases
        )
        done = register(self._workspace, artifact, os.fspath(file), options)
        link = Link("manifest", done.manifest)
        return Artifact(
            self._workspace,
            Revision(text=f"{artifact}:{done.version}", link=link, artifact=artifact, version=done.version),
        )

    # -- the daily workflow ----------------------------------------------------------------------------------------

    def add(
        self, *paths: Path, kind: str | None = None, name: str | None = None, metrics: Mapping[str, float] | None = None,
        parents: Parents | None = None, card: Path | None = None, force: bool = False, dereference: bool = False,
        base: Reference | None = None,
    ) -> AddResult:  # fmt: skip
        """Stores and drafts paths; moves no ref. Errors: `NoSuchPath`, `CannotInfer`, `Behind`, `BadRole`, `Unstaged`.

        `force` stages the bytes of an older version as the next one; `dereference` stores what links point to; `base` is
        a commit to store tensors as differences to.
        """
        about = said(self._start, card=card, metrics=metrics, parents=parents)
        bases = () if base is None else (self._revision(base).manifest,)
        options = AddOptions(kind=kind, name=name, force=force, dereference=dereference, bases=bases, said=about)
        return add(self._workspace, [self._relative(path) for path in paths], options)

    def commit(
        self, message: str, *paths: Path, version: str | None = None, metrics: Mapping[str, float] | None = None,
        parents: Parents | None = None, card: Path | None = None,
    ) -> list[Committed]:  # fmt: skip
        """Commits what is staged, or adds and commits paths; all of it or nothing. `version` publishes it too.

        Errors: `NothingToCommit`, `ExistingVersion`, `LyingVersion`, `LostRace`, and as `add`.
        """
        about = said(self._start, card=card, metrics=metrics, parents=parents)
        options = CommitOptions(message=message, author=self._who(), date=self._now(), bump=version, said=about)
        if not paths:
            return commit(self._workspace, options)
        return commit_paths(self._workspace, [self._relative(path) for path in paths], options)

    def reset(self, *names: str) -> ResetResult:
        """Takes the drafts of some artifacts back, or all; files stay as they are.

        Errors: `NothingStaged`, `NoSuchArtifact`, `SeveralArtifacts`.
        """
        return reset(
            self._workspace, [staged_artifact(self._workspace, name) or self._artifact(name) for name in names]
        )

    def tag(self, name: str, version: str, *, at: Reference | None = None) -> TagResult:
        """Publishes a commit, the head if none is named, as a version. Errors: `ExistingVersion`, `LyingVersion`."""
        artifact = self._artifact(name)
        manifest = self._revision(at or str(artifact), bare=HEAD).manifest
        number = version_for(self._workspace, artifact, version, self._workspace.catalog.manifest(manifest))
        return tag(self._workspace, artifact, number, manifest)

    def checkout(self, reference: Reference | None = None, *, force: bool = False) -> list[CheckedOut]:
        """Writes one revision to its path, or brings every known path to its head. Errors: `Unsaved`, `Absent`."""
        if reference is None:
            return checkout_heads(self._workspace, force=force)
        return checkout_revision(self._workspace, self._revision(reference, bare=HEAD), force=force)

    def edit_card(
        self, name: str, card: CardLike | None = None, *, fields: Mapping[str, str] | None = None,
        unset: Sequence[str] = (), version: str | None = None, message: str = "edit the card",
    ) -> Committed:  # fmt: skip
        """Commits the head's content with another card, or with members set (`metrics.auc`) and taken out.

        `version` publishes it too. Errors: `NothingToCommit`, `NotTheHead`, `StillStaged`, `BadCard`.
        """
        revision = self._revision(name, bare=HEAD)
        kind = self._workspace.catalog.manifest(revision.manifest).artifact.kind
        about = replace(said(self._start, kind, card=card), fields=tuple((fields or {}).items()), unset=tuple(unset))
        options = CommitOptions(message=message, author=self._who(), date=self._now(), bump=version, said=about)
        return edit_card(self._workspace, revision.manifest, options)

    # -- stages ----------------------------------------------------------------------------------------------------

    def stage(self, reference: Reference, to: str, *, reason: str = "") -> StageMoved:
        """Moves a version to a stage. Errors: `BadTransition`, `LostStageRace`, `StageFork`, `NoReason`."""
        artifact, version = self._version(reference)
        return stage(self._workspace, artifact, version, to, self._move(reason))

    def rollback(self, name: str, *, reason: str, stage: str = PRODUCTION) -> StageMoved:
        """Brings the version that held a stage before back. Errors: `NothingBefore`, `CannotReturn`, as `stage`."""
        return rollback(self._workspace, self._artifact(name), self._move(reason), stage=stage)

    def yank(self, reference: Reference, *, reason: str) -> StageMoved:
        """Takes a version out of use; its name stays taken. Errors: as `stage`."""
        artifact, version = self._version(reference)
        return yank(self._workspace, artifact, version, self._move(reason))

    # -- within ----------------------------------------------------------------------------------------------------

    def _move(self, reason: str) -> MoveOptions:
        return MoveOptions(who=self._who(), when=self._now(), reason=reason)

    def _relative(self, path: Path) -> str:
        return self._workspace.relative(os.fspath(path), start=self._start)

    def _version(self, reference: Reference) -> tuple[ArtifactName, Version]:
        found = self.get(reference)
        if found.version is None:
            raise NoVersion(f"{text_of(reference)} has no version, and only a version has a stage", hint="tag it first")
        return found.manifest.artifact, found.version


class NoVersion(Usage):
    """A commit without a version was to be moved to a stage, or a recipe without one registered."""
