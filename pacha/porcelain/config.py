"""`pacha config`: what is set, where that comes from, and changing it in the user's, the project's or this tree's file."""

import os
from dataclasses import dataclass

from pacha.base.errors import Usage
from pacha.base.files import NoSuchFile, Root
from pacha.base.toml import set_value, unset_value
from pacha.repo.config import (
    CONFIG_BYTES_MAX,
    PROJECT,
    USER,
    WORK_TREE,
    WORK_TREE_FILE,
    Config,
    Entry,
    NoSetting,
    parse_value,
    setting_of,
    user_file,
)
from pacha.repo.environment import Environment
from pacha.repo.layout import CONFIG_FILE
from pacha.repo.repository import Repository
from pacha.repo.session import Session

SCOPES = (USER, PROJECT, WORK_TREE)


class NotShared(Usage):
    """A setting that a file which is checked in may not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigRow:
    """A setting with a value."""

    key: str
    value: object
    layer: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A file that was changed; `is_changed` is False where it said so already."""

    key: str
    path: str
    is_changed: bool


def list_config(config: Config) -> list[ConfigRow]:
    """Every setting with a value."""
    return [_row(entry) for entry in config.entries()]


def get_config(config: Config, key: str) -> ConfigRow:
    """One setting and where it is said. Errors: `BadSetting`, `NoSetting` where it has no value."""
    entry = config.entry(key)
    if entry.value in (None, ()):
        raise NoSetting(f"{key} has no value", hint=f"`pacha config set {key} VALUE` gives it one", key=key)
    return _row(entry)


def _row(entry: Entry) -> ConfigRow:
    return ConfigRow(key=entry.key, value=entry.value, layer=entry.origin.layer, place=entry.origin.place)


def set_config(
    repository: Repository | None, environment: Environment, key: str, text: str | None, *, scope: str
) -> Changed:
    """Sets a value, or unsets it (`text` None), in the file of a scope. Errors: `BadSetting`, `NotShared`, `Usage`."""
    setting = setting_of(key)
    value = None if text is None else parse_value(setting, text)
    if scope == PROJECT and not setting.shared:
        raise NotShared(f"{key} cannot be set for everybody who clones the project", hint=f"use --scope {USER}")
    root, name = _place(repository, environment, scope)
    try:
        old = root.read(name, size_max=CONFIG_BYTES_MAX).decode("utf-8")
    except NoSuchFile:
        old = ""
    plain = list(value) if isinstance(value, tuple) else value
    new = unset_value(old, key) if text is None else set_value(old, key, plain)
    if new == old:
        return Changed(key=key, path=root.full(name), is_changed=False)
    if repository is not None and scope != USER:
        with Session(repository) as session:
            root.replace(name, new.encode("utf-8"))
            if scope == PROJECT:
                session.touch(name)
    else:
        root.make_folder(root.temporary)
        root.replace(name, new.encode("utf-8"))
        root.remove_folder(root.temporary)
    return Changed(key=key, path=root.full(name), is_changed=True)


def _place(repository: Repository | None, environment: Environment, scope: str) -> tuple[Root, str]:
    if scope == USER:
        folder, name = os.path.split(user_file(environment))
        os.makedirs(folder, exist_ok=True)
        return Root(folder, temporary=".unfinished"), name
    if repository is None:
        raise Usage(f"--scope {scope} needs a repository", hint="run it inside one, or use --scope user")
    return repository.root, CONFIG_FILE if scope == PROJECT else WORK_TREE_FILE
