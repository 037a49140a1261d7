"""Draws progress on stderr: a bar on a terminal, a line now and then in a log, nothing where the work is short."""

import time
from typing import Any

from pacha.cli.render import Output, size_text

#: A log gets a line after so many seconds, and then again.
LINE_SECONDS = 10.0
#: A bar appears only when work takes longer than this; loading what draws it takes a moment too.
BAR_SECONDS = 0.5


class Watched:
    """Progress that a person watches."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._label = ""
        self._total: int | None = None
        self._done = 0
        self._begun = self._last = 0.0
        self._is_begun = False
        self._is_watched = False
        self._bar: Any = None
        self._task: Any = None

    def start(self, label: str, *, total_bytes: int | None = None) -> None:
        """A new stretch of work begins."""
        self._label, self._total, self._done = label, total_bytes, 0
        self._is_watched = self._output.is_watched
        self._begun = self._last = time.monotonic()
        self._is_begun = True

    def advance(self, byte_count: int) -> None:
        """`byte_count` more bytes are done. Between two stretches nobody is told."""
        if not self._is_begun:
            return
        self._done += byte_count
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done)
            return
        now = time.monotonic()
        if self._is_watched and now - self._begun > BAR_SECONDS:
            self._begin_bar()
        elif not self._is_watched and now - self._last > LINE_SECONDS:
            self._last = now
            of = f" of {size_text(self._total)}" if self._total is not None else ""
            self._output.note(f"{self._label}: {size_text(self._done)}{of}")

    def finish(self) -> None:
        """The stretch is over."""
        self._is_begun = False
        bar, self._bar = self._bar, None
        if bar is not None:
            bar.stop()

    def _begin_bar(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        text = TextColumn("{task.description}")
        columns = (text, BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = bar.add_task(self._label, total=self._total, completed=self._done)
        bar.start()
        self._bar = bar
