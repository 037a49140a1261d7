"""The part of `Registry` that keeps a repository in order: settings, sides to settle, space, the index, old registries."""

import os
from collections.abc import Mapping

from pacha.api.reading import Reading
from pacha.api.values import Path, Reference, text_of
from pacha.index.index import Rebuilt
from pacha.porcelain.config import Changed, ConfigRow, get_config, list_config, set_config
from pacha.porcelain.doctor import Finding, doctor
from pacha.porcelain.gc import GcReport, gc
from pacha.porcelain.identity import author
from pacha.porcelain.import_registry import Imported, ImportOptions, import_registry
from pacha.porcelain.reindex import reindex
from pacha.porcelain.removing import DAY_SECONDS
from pacha.porcelain.repack import RepackReport, repack
from pacha.porcelain.resolve import Settled, Unsettled, settle, unsettled
from pacha.repo.config import USER, Config, load_config


class Keeping(Reading):
    """What changes nothing that is registered, or settles what two sides changed."""

    # -- settings --------------------------------------------------------------------------------------------------

    def settings(self) -> list[ConfigRow]:
        """Every setting with a value, and where it is said. Errors: `BadSetting`, `BadToml`."""
        return list_config(self._settings())

    def setting(self, key: str) -> ConfigRow:
        """One setting, as `user.name`, and where it is said. Errors: `BadSetting`, `NoSetting`."""
        return get_config(self._settings(), key)

    def set_setting(self, key: str, value: str, *, scope: str = USER) -> Changed:
        """Sets a value in the file of a scope (`user`, `project`, `worktree`), as a person types it.

        An open registry goes on with the settings that it was opened with. Errors: `BadSetting`, `NotShared`.
        """
        repository = self._workspace.repository
        return set_config(repository, repository.environment, key, value, scope=scope)

    def unset_setting(self, key: str, *, scope: str = USER) -> Changed:
        """Takes a value out of the file of a scope. Errors: `BadSetting`, `NotShared`."""
        repository = self._workspace.repository
        return set_config(repository, repository.environment, key, None, scope=scope)

    def _settings(self) -> Config:
        """What the files say now, which may be more than what they said when the registry was opened."""
        repository = self._workspace.repository
        return load_config(repository.environment, {}, repository.root)

    # -- sides -----------------------------------------------------------------------------------------------------

    def unsettled(self, *names: str) -> list[Unsettled]:
        """What two sides left unsettled, of some artifacts or of all: heads, versions, stage logs."""
        return unsettled(self._workspace, [self._artifact(name) for name in names])

    def settle(self, name: str, keep: Reference) -> list[Settled]:
        """Settles everything of an artifact that `keep` is a side of. Errors: `NothingToSettle`, `NotASide`."""
        artifact = self._artifact(name)
        return settle(self._workspace, artifact, text_of(keep), author=self._who(), date=self._now())

    # -- the machine -----------------------------------------------------------------------------------------------

    def doctor(self) -> list[Finding]:
        """Tries what Pacha needs from this machine and this folder; `is_good` is False where something should be done."""
        return doctor(self._workspace)

    def reindex(self) -> Rebuilt:
        """Makes the index anew. It is a cache: no answer changes. What could not be read is in `damaged`."""
        return reindex(self._workspace)

    def gc(self, *, grace_days: int | None = None, dry_run: bool = False, repack: bool = False) -> GcReport:
        """Frees what nothing names. Errors: `GitFailed`, `CannotCollect`; then nothing is deleted.

        Without `grace_days`, the setting gc.grace_days counts. With `repack`, packs are stored anew where that wins.
        """
        seconds = self._grace(grace_days)
        return gc(self._workspace, grace_seconds=seconds, dry_run=dry_run, store_anew=repack)

    def repack(self, *, dry_run: bool = False) -> RepackReport:
        """Stores packs anew where that takes less space; no id changes. `dry_run` tells the price.

        Errors: `Busy`, `CannotRepack`, `CannotCollect`; then every pack is where it was.
        """
        return repack(self._workspace, grace_seconds=self._grace(None), dry_run=dry_run)

    def _grace(self, days: int | None) -> int:
        return (self._workspace.repository.config.number("gc.grace_days") if days is None else days) * DAY_SECONDS

    def import_registry(
        self, path: Path, *, renames: Mapping[str, str] | None = None, dry_run: bool = False, strict: bool = False
    ) -> Imported:
        """Imports an old registry (`registry.db` and `objects/`). What cannot be kept is in the answer.

        `strict` writes nothing unless everything can be kept. Errors: those of reading an old registry, `BadName`.
        """
        options = ImportOptions(author=self._who(), renames=renames or {}, is_dry_run=dry_run, is_strict=strict)
        return import_registry(self._workspace, self._full(os.fspath(path)), options)

    # -- within ----------------------------------------------------------------------------------------------------

    def _who(self) -> str:
        return author(self._workspace, self._author)

    def _now(self) -> str:
        return self._workspace.repository.now()
