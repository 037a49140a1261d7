"""Which process wrote something, and whether it is still alive: for locks and unfinished transactions."""

import os
from dataclasses import dataclass
from pathlib import Path

#: A process on another machine cannot be asked; its work counts as abandoned after this long without a sign of life.
FOREIGN_SECONDS_MAX = 30 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A process: host, boot, process id and its start time (clock ticks; 0 where the system does not say)."""

    host: str
    boot: str
    pid: int
    started: int

    @classmethod
    def current(cls) -> "Owner":
        """The running process."""
        pid = os.getpid()
        return cls(host=os.uname().nodename, boot=_boot_id(), pid=pid, started=_start_ticks(pid))

    def is_alive(self, *, idle_seconds: float) -> bool:
        """Tells whether the process still runs.

        `idle_seconds` is how long ago it last touched its file: all that can be known of another machine's process.
        """
        if self.host != os.uname().nodename:
            return idle_seconds < FOREIGN_SECONDS_MAX
        if self.boot != _boot_id():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return self.started == _start_ticks(self.pid) and not _is_zombie(self.pid)

    def to_json(self) -> dict[str, object]:
        """Its members as plain values."""
        return {"host": self.host, "boot": self.boot, "pid": self.pid, "started": self.started}

    @classmethod
    def from_json(cls, value: object) -> "Owner | None":
        """Reads `to_json`'s answer; None if it is not one."""
        if not isinstance(value, dict):
            return None
        host, boot, pid, started = (value.get(name) for name in ("host", "boot", "pid", "started"))
        if not (isinstance(host, str) and isinstance(boot, str) and isinstance(pid, int) and isinstance(started, int)):
            return None
        return cls(host=host, boot=boot, pid=pid, started=started)


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def _start_ticks(pid: int) -> int:
    state = _state(pid)
    return int(state[19]) if state else 0


def _is_zombie(pid: int) -> bool:
    """A killed process whose parent never asks for it, as in a container without an init, is there and does nothing."""
    state = _state(pid)
    return bool(state) and state[0] in ("Z", "X")


def _state(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on; the name in the second may hold blanks and brackets."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()
