"""What a process knows of its surroundings, read once at the edge and handed down as a value."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from pacha.base.clock import Clock, SystemClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Environment variables, the user's id and home, and the clock."""

    variables: Mapping[str, str]
    user_id: int
    home: str
    clock: Clock = field(default_factory=SystemClock)

    @classmethod
    def current(cls) -> "Environment":
        """The running process's own."""
        return cls(variables=dict(os.environ), user_id=os.geteuid(), home=os.path.expanduser("~"))

    def get(self, name: str) -> str | None:
        """A variable's value; an empty one counts as unset."""
        return self.variables.get(name) or None

    @property
    def config_folder(self) -> str:
        """Where this user's own configuration lies: `PACHA_HOME`, else `$XDG_CONFIG_HOME/pacha`."""
        base = self.get("PACHA_HOME")
        if base:
            return base
        return os.path.join(self.get("XDG_CONFIG_HOME") or os.path.join(self.home, ".config"), "pacha")

    @property
    def cache_folder(self) -> str:
        """Where this user's caches lie: `PACHA_CACHE_DIR`, else `$XDG_CACHE_HOME/pacha`."""
        base = self.get("PACHA_CACHE_DIR")
        if base:
            return base
        return os.path.join(self.get("XDG_CACHE_HOME") or os.path.join(self.home, ".cache"), "pacha")
