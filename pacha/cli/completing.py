"""What a shell may complete: artifacts and their versions, settings, files. Silent where there is no repository."""

from typing import TYPE_CHECKING

import click

from pacha.base.errors import PachaError
from pacha.cli.app import App
from pacha.porcelain.workspace import Workspace
from pacha.registry.stages import YANKED
from pacha.repo.config import SETTINGS

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def complete_refs(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of artifacts; after a colon, versions of that one."""
    workspace = workspace_of(context)
    if workspace is None:
        return []
    name, colon, start = incomplete.partition(":")
    try:
        if not colon:
            return [text for text in _names(workspace) if text.startswith(incomplete)]
        kind, _, bare = name.rpartition("/")
        texts = ["head", "latest", *workspace.catalog.tagged(workspace.catalog.find(bare, kind or None)).texts()]
        return [f"{name}:{text}" for text in texts if text.startswith(start)]
    except PachaError:
        return []


def complete_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of artifacts."""
    return complete_refs(context, parameter, incomplete) if ":" not in incomplete else []


def complete_stages(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Stages of this project."""
    workspace = workspace_of(context)
    try:
        stages = () if workspace is None else (*workspace.rules.stages, YANKED)
    except PachaError:
        return []
    return [stage for stage in stages if stage.startswith(incomplete.lower())]


def complete_settings(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Keys of settings."""
    return [setting.key for setting in SETTINGS if setting.key.startswith(incomplete)]


def complete_files(context: click.Context, parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Leaves it to the shell, which knows files best."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def workspace_of(context: click.Context) -> Workspace | None:
    """The workspace, or None where there is none or nothing was started."""
    return context.obj.try_workspace() if isinstance(context.obj, App) else None


def _names(workspace: Workspace) -> list[str]:
    """Bare names where they are unique, else with their kind."""
    artifacts = workspace.catalog.artifacts()
    bare = [artifact.name for artifact in artifacts]
    return [str(artifact) if bare.count(artifact.name) > 1 else artifact.name for artifact in artifacts]
