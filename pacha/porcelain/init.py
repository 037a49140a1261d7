"""`pacha init`: makes the `.pacha` folder of a project."""

import os
from dataclasses import dataclass

from pacha.base.errors import NotFound
from pacha.base.files import Durability
from pacha.repo.config import load_config
from pacha.repo.environment import Environment
from pacha.repo.git import Git, GitFailed, find_git
from pacha.repo.layout import CONFIG_FILE, FORMAT_FILE, create


@dataclass(frozen=True, slots=True, kw_only=True)
class Initialised:
    """A new repository. `git` tells whether a Git work tree holds it, `staged` whether its files are in Git's index."""

    path: str
    id: str
    git: bool
    staged: bool


def init(folder: str, *, environment: Environment, id: str) -> Initialised:
    """Makes `.pacha` in a folder that exists. `id` is 32 random hexadecimal digits.

    Errors: `NotFound` for a folder that is not there, `Usage` if there is one already.
    """
    work_tree = os.path.abspath(folder)
    if not os.path.isdir(work_tree):
        raise NotFound(f"{work_tree}: no such folder", hint=f"make it first: mkdir {work_tree}", path=work_tree)
    config = load_config(environment, {}, None)
    path = create(work_tree, id=id, durability=Durability(config.text("core.durability") or "batch"))
    git = find_git(work_tree, user_id=environment.user_id, variables=tuple(environment.variables.items()))
    return Initialised(path=path, id=id, git=git is not None, staged=git is not None and _stage(git, path))


def _stage(git: Git, path: str) -> bool:
    names = (FORMAT_FILE, CONFIG_FILE, ".gitignore", ".gitattributes")
    try:
        git.stage(git.relative(os.path.join(path, name)) for name in names)
    except GitFailed:
        return False
    return True
