"""What a path is, where nobody has said so: its kind and name from its name and bytes, and what could be tracked too."""

import os
import re

from pacha.base.errors import Usage
from pacha.base.names import NAME_LENGTH_MAX, ArtifactName, BadName, check_name
from pacha.formats.inspection import FileSource
from pacha.formats.sniff import HEAD_BYTES, format_of, kind_of_folder
from pacha.porcelain.workspace import Workspace
from pacha.worktree.reading import holding_still
from pacha.worktree.scan import Scan

#: Stems that say nothing; the folder's name says more.
GENERIC_STEMS = frozenset(
    {
        "model", "models", "weights", "checkpoint", "best", "last", "final", "pytorch_model", "adapter_model", "data",
        "dataset", "train", "training", "test", "validation", "val", "recipe", "config",
    }
)  # fmt: skip


class CannotInfer(Usage):
    """Neither name nor bytes say what an artifact is."""


def infer(path: str, there: Scan, *, kind: str | None, name: str | None, project: str) -> ArtifactName:
    """Kind and name of a path, from its name and bytes where they are not said. `project` is the last resort.

    Errors: `CannotInfer`.
    """
    found = kind or _infer_kind(path, there)
    if found is None:
        raise CannotInfer(
            f"{path}: cannot tell whether this is a model, data or a recipe",
            hint=f"say so: `pacha add {path} --kind model` (or data, or recipe)",
            path=path,
        )
    return ArtifactName(found, check_name(name) if name else infer_name(path, project))


def _infer_kind(path: str, there: Scan) -> str | None:
    if there.shape == "folder":
        return kind_of_folder(file.path for file in there.files)
    file = there.files[0]
    format = format_of(os.path.basename(path))
    if format is None:
        with holding_still([file]), FileSource(file.full) as source:
            format = format_of(os.path.basename(path), source.read(0, HEAD_BYTES))
    return None if format is None else format.kind


def infer_name(path: str, project: str) -> str:
    """The name that a path gives an artifact. Errors: `CannotInfer`."""
    folder, _, base = path.rpartition("/")
    stem = base.lstrip(".")
    format = format_of(base)
    if format is not None:
        stem = next((stem[: -len(ending)] for ending in format.endings if stem.lower().endswith(ending)), stem)
    parts = [stem, *reversed(folder.split("/"))] if folder else [stem]
    for part in (*parts, project):
        name = re.sub(r"[^a-z0-9._-]+", "-", part.lower()).strip("-._")[:NAME_LENGTH_MAX]
        if name in GENERIC_STEMS and part is not parts[-1]:
            continue
        try:
            return check_name(name)
        except BadName:
            continue
    raise CannotInfer(
        f"{path}: no name can be made from this path", hint=f"give one: `pacha add {path} --name NAME`", path=path
    )


def candidates(workspace: Workspace, folder: str) -> list[str]:
    """Files directly in a folder, or one below, that look like artifacts and are not known yet."""
    found = []
    top = workspace.full(folder)
    if not os.path.isdir(top):
        return []
    for base, folders, files in os.walk(top):
        inside = os.path.relpath(base, workspace.repository.work_tree).replace(os.sep, "/")
        inside = "" if inside == "." else inside
        folders[:] = [name for name in folders if not name.startswith(".") and inside.count("/") < 2]
        if inside in workspace.known:
            folders[:] = []
            continue
        for name in sorted(files):
            path = f"{inside}/{name}" if inside else name
            if format_of(name) is not None and path not in workspace.known:
                found.append(path)
    return found
