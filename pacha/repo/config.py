"""Configuration in layers: flags, environment, this work tree, this project, this user, this machine.

What is checked in comes from strangers, so the project layer is data with a whitelist (I8): it cannot run a command,
name a key, weaken a check or send a credential. Keys that it may not set are ignored, with a warning.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from pacha.base.errors import NotFound, Usage
from pacha.base.files import NoSuchFile, NotRegular, Root
from pacha.base.toml import read_toml
from pacha.repo.environment import Environment
from pacha.repo.layout import CONFIG_FILE

#: A configuration is read at every start; a larger one is a mistake or an attack.
CONFIG_BYTES_MAX = 1 << 20
SYSTEM_FILE = "/etc/pacha/config.toml"
WORK_TREE_FILE = "local/config.toml"

FLAG, ENVIRONMENT, WORK_TREE, PROJECT, USER, SYSTEM, DEFAULT = (
    "flag",
    "environment",
    "worktree",
    "project",
    "user",
    "system",
    "default",
)


class BadSetting(Usage):
    """A setting is not known, or its value is not of its kind."""


class NoSetting(NotFound):
    """A setting has no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key that Pacha knows. `shared` keys may stand in the project's checked-in file."""

    key: str
    kind: type
    default: object
    help: str
    shared: bool = False
    variable: str | None = None
    choices: tuple[str, ...] = ()


SETTINGS = (
    Setting(key="user.name", kind=str, default=None, help="your name, for authors", variable="PACHA_AUTHOR_NAME"),
    Setting(key="user.email", kind=str, default=None, help="your address", variable="PACHA_AUTHOR_EMAIL"),
    Setting(
        key="core.durability",
        kind=str,
        default="batch",
        choices=("full", "batch", "none"),
        help="how writes are flushed: a file at a time, once a command, or (tests only) never",
        variable="PACHA_DURABILITY",
    ),
    Setting(
        key="core.jobs", kind=int, default=0, help="worker threads; 0 means one for each core", variable="PACHA_JOBS"
    ),
    Setting(key="core.pager", kind=str, default=None, help="the pager for long answers", variable="PACHA_PAGER"),
    Setting(
        key="core.color", kind=str, default="auto", choices=("auto", "always", "never"), help="when to use colour",
        variable="PACHA_COLOR",
    ),
    Setting(
        key="git.stage", kind=bool, default=True, shared=True,
        help="put META that a command wrote into Git's index (never commits)",
    ),
    Setting(
        key="gc.grace_days", kind=int, default=14, help="how old an unused object must be before gc touches it"
    ),
    Setting(
        key="safe.directory", kind=list, default=(), help="repositories of other users that you may write to",
        variable="PACHA_SAFE_DIRECTORY",
    ),
)  # fmt: skip
_BY_KEY = {setting.key: setting for setting in SETTINGS}
#: Tables that only the project's own file has; whoever uses one reads and checks what is in it.
SECTIONS = ("stages", "remotes")
#: Tables that are kept for what is to come.
_LATER = ("chunking.",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a value comes from: the layer, and the file or variable in it."""

    layer: str
    place: str


_BUILT_IN = Origin(layer=DEFAULT, place="built in")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A value in force."""

    key: str
    value: object
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A table of the project's file as it stands there, unchecked; `values` is None where there is none."""

    values: Mapping[str, object] | None
    origin: Origin


class Config:
    """All layers, the strongest first. `warnings` are lines for stderr about what was ignored."""

    def __init__(
        self,
        layers: list[tuple[Origin, Mapping[str, object]]],
        warnings: tuple[str, ...] = (),
        sections: Mapping[str, Section] | None = None,
    ) -> None:
        self._layers = layers
        self._sections = sections or {}
        self.warnings = warnings

    def section(self, name: str) -> Section:
        """A table of the project's file."""
        return self._sections.get(name, Section(values=None, origin=_BUILT_IN))

    def entry(self, key: str) -> Entry:
        """The value in force with its origin. Errors: `BadSetting` for an unknown key."""
        if key.partition(".")[0] in SECTIONS:
            found = next((entry for entry in self._section_entries() if entry.key == key), None)
            return found or Entry(key=key, value=None, origin=_BUILT_IN)
        setting = setting_of(key)
        for origin, values in self._layers:
            if key in values:
                return Entry(key=key, value=values[key], origin=origin)
        return Entry(key=key, value=setting.default, origin=_BUILT_IN)

    def get(self, key: str) -> object:
        """The value in force."""
        return self.entry(key).value

    def text(self, key: str) -> str | None:
        """The value in force as a text; None if there is none."""
        value = self.get(key)
        return None if value is None else str(value)

    def number(self, key: str) -> int:
        """The value in force as a number."""
        value = self.get(key)
        return value if isinstance(value, int) else 0

    def entries(self) -> list[Entry]:
        """Every setting with a value, in the order of `SETTINGS`, then what the tables of the project's file say."""
        entries = [self.entry(setting.key) for setting in SETTINGS]
        return [*(entry for entry in entries if entry.value not in (None, ())), *self._section_entries()]

    def _section_entries(self) -> list[Entry]:
        return [
            Entry(key=key, value=_shown(value), origin=section.origin)
            for name, section in self._sections.items()
            for key, value in _flatten(section.values or {}, f"{name}.")
        ]


def _shown(value: object) -> object:
    """A value of a table that nobody has checked, as something that can be printed."""
    if isinstance(value, list):
        return tuple(str(item) for item in value)
    return value if isinstance(value, (str, int, float, bool)) else str(value)


def setting_of(key: str) -> Setting:
    """The setting of that key. Errors: `BadSetting`."""
    setting = _BY_KEY.get(key)
    if key.partition(".")[0] in SECTIONS:
        raise BadSetting(
            f"{key} is not set one by one", hint="write it into the project's .pacha/config.toml, see docs/stages.md"
        )
    if setting is None:
        raise BadSetting(f"no such setting: {key}", hint=f"settings are {', '.join(sorted(_BY_KEY))}", key=key)
    return setting


def parse_value(setting: Setting, text: str) -> object:
    """Reads a value typed by a person. Errors: `BadSetting`."""
    if setting.kind is bool:
        if text.lower() not in ("true", "false"):
            raise BadSetting(f"{setting.key} is true or false, not {text!r}", hint=setting.help, key=setting.key)
        return text.lower() == "true"
    if setting.kind is int:
        if not text.isdecimal() or len(text) > 9:
            raise BadSetting(f"{setting.key} is a number, not {text!r}", hint=setting.help, key=setting.key)
        return int(text)
    if setting.kind is list:
        return tuple(part for part in text.split(os.pathsep) if part)
    if setting.choices and text not in setting.choices:
        raise BadSetting(
            f"{setting.key} is one of {', '.join(setting.choices)}, not {text!r}", hint=setting.help, key=setting.key
        )
    return text


def user_file(environment: Environment) -> str:
    """This user's own configuration file."""
    return os.path.join(environment.config_folder, CONFIG_FILE)


def load_config(environment: Environment, overrides: Mapping[str, str], root: Root | None) -> Config:
    """Reads every layer. `root` is the `.pacha` folder, if there is one. Errors: `BadSetting`, `BadToml`."""
    warnings: list[str] = []
    flags = {key: parse_value(setting_of(key), text) for key, text in overrides.items()}
    variables = {
        setting.key: parse_value(setting, text)
        for setting in SETTINGS
        if setting.variable and (text := environment.get(setting.variable)) is not None
    }
    layers: list[tuple[Origin, Mapping[str, object]]] = [
        (Origin(layer=FLAG, place="-c"), flags),
        (Origin(layer=ENVIRONMENT, place="environment"), variables),
    ]
    sections: dict[str, Section] = {}
    if root is not None:
        layers.append(_root_layer(WORK_TREE, root, WORK_TREE_FILE, warnings, sections))
        layers.append(_root_layer(PROJECT, root, CONFIG_FILE, warnings, sections))
    for layer, path in ((USER, user_file(environment)), (SYSTEM, SYSTEM_FILE)):
        folder, _, name = path.rpartition("/")
        layers.append(_root_layer(layer, Root(folder or "/"), name, warnings, sections))
    return Config(layers, tuple(warnings), sections)


def _root_layer(
    layer: str, root: Root, relative: str, warnings: list[str], sections: dict[str, Section]
) -> tuple[Origin, Mapping[str, object]]:
    """One file's settings. The tables of the project's file go into `sections`; elsewhere they are ignored."""
    path = root.full(relative)
    origin = Origin(layer=layer, place=path)
    try:
        data = root.read(relative, size_max=CONFIG_BYTES_MAX)
    except (NoSuchFile, NotRegular):
        return origin, {}
    document = read_toml(data, name=path)
    for name in SECTIONS:
        section = document.get(name)
        if layer == PROJECT and isinstance(section, dict):
            sections[name] = Section(values=section, origin=origin)
            del document[name]
        elif section is not None:
            del document[name]
            warnings.append(f"{path}: {name}: only a table in the project's own {CONFIG_FILE} counts, ignored")
    values: dict[str, object] = {}
    for key, value in _flatten(document):
        setting = _BY_KEY.get(key)
        if setting is None or (layer == PROJECT and not setting.shared):
            if layer != PROJECT or not key.startswith(_LATER):
                reason = "unknown setting" if setting is None else "not allowed in a file that is checked in"
                warnings.append(f"{path}: {key}: {reason}, ignored")
            continue
        values[key] = _checked(setting, value, path)
    return origin, values


def _checked(setting: Setting, value: object, path: str) -> object:
    if setting.kind is list and isinstance(value, list) and all(isinstance(part, str) for part in value):
        return tuple(value)
    wrong = type(value) is not setting.kind or (setting.choices and value not in setting.choices)
    if wrong:
        raise BadSetting(
            f"{path}: {setting.key} is {setting.help}; it cannot be {value!r}",
            hint=f"set it with `pacha config set {setting.key} VALUE`",
            key=setting.key,
        )
    return value


def _flatten(values: Mapping[str, object], prefix: str = "") -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for key, value in values.items():
        if isinstance(value, dict):
            found.extend(_flatten(value, f"{prefix}{key}."))
        else:
            found.append((f"{prefix}{key}", value))
    return found
