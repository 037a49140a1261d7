"""The tensors in the data files beside ONNX models, as the models tell where they lie.

A model's words are believed within its own folder only, and name files that the artifact has: nothing is opened because
a model names it. A data file is never asked for another, so there are no circles.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from posixpath import dirname, join, normpath
from threading import Lock
from typing import Any

from pacha.base.spans import Span
from pacha.formats.inspection import Malformed, Source
from pacha.formats.onnx import external_rows
from pacha.formats.spans import spans_of_rows
from pacha.formats.tensors import TENSORS_MAX

#: What a model beside its data is called.
ENDING = ".onnx"
#: More models than a pipeline has; the data files of others are cut by their content.
MODELS_MAX = 256


class Beside:
    """The models of one artifact, each read once, when the first file without tensors of its own is met.

    `paths` are of any of its files; `open_model` is only asked for those that are models. Any thread may ask.
    """

    def __init__(self, paths: Iterable[str], open_model: Callable[[str], AbstractContextManager[Source]]) -> None:
        self._models = sorted(path for path in paths if path.lower().endswith(ENDING))[:MODELS_MAX]
        self._open = open_model
        self._lock = Lock()
        self._rows: dict[str, list[Mapping[str, Any]]] | None = None

    def spans(self, path: str, size: int) -> tuple[Span, ...]:
        """The tensors in a file of so many bytes; empty if no model names it. Errors: those of opening and reading."""
        with self._lock:
            if self._rows is None:
                self._rows = self._read()
        return spans_of_rows(self._rows.get(path, ()), size)

    def _read(self) -> dict[str, list[Mapping[str, Any]]]:
        found: dict[str, list[Mapping[str, Any]]] = {}
        left = TENSORS_MAX
        for path in self._models:
            try:
                with self._open(path) as source:
                    rows = external_rows(source)[:left]
            except Malformed:
                continue
            left -= len(rows)
            for row in rows:
                place = beside(path, row["location"])
                if place is not None:
                    found.setdefault(place, []).append(row)
        return found


def beside(model: str, location: str) -> str | None:
    """The path of a data file that a model names; None if that leads out of the model's folder.

    >>> beside("onnx/model.onnx", "./model.onnx_data"), beside("onnx/model.onnx", "../model.onnx_data")
    ('onnx/model.onnx_data', None)
    """
    if not location or location.startswith("/") or "\\" in location or ".." in location.split("/"):
        return None
    place = normpath(join(dirname(model), location))
    return None if place in (".", dirname(model)) else place
