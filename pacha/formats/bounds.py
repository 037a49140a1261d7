"""Keeps what an inspection tells within bounds, whatever a file says of itself."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pacha.formats.inspection import Inspection

#: The table of two hundred thousand tensors; it becomes one blob.
DETAIL_BYTES_MAX = 16 << 20
WARNINGS_MAX = 32
WARNING_LENGTH_MAX = 500


def bounded(found: Inspection) -> Inspection:
    """The same inspection, with its longest lists and tables cut until it fits; then `truncated` says so."""
    warnings = tuple(warning[:WARNING_LENGTH_MAX] for warning in found.warnings[:WARNINGS_MAX])
    detail = fitting(found.detail, DETAIL_BYTES_MAX)
    return found if detail is found.detail and warnings == found.warnings else replace(
        found, detail=detail, warnings=warnings
    )  # fmt: skip


def fitting(detail: Mapping[str, Any], bytes_max: int) -> Mapping[str, Any]:
    """A table of at most so many bytes as JSON.

    >>> fitting({"rows": [1, 2]}, 100)
    {'rows': [1, 2]}
    >>> fitting({"rows": list(range(100)), "name": "x"}, 100)["truncated"]
    True
    """
    sizes = {key: _size(value) for key, value in detail.items()}
    over = sum(sizes.values()) - bytes_max
    if over <= 0:
        return detail
    kept = dict(detail)
    for key in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if over <= 0:
            break
        kept[key] = _cut(detail[key], max(0, sizes[key] - over - len("truncated") * 2))
        over -= sizes[key] - _size(kept[key])
    return {**kept, "truncated": True}


def _cut(value: Any, bytes_max: int) -> Any:
    """The first items that fit, of a list or a table; anything else that is too long is left out."""
    items = list(value.items()) if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else None
    if items is None:
        return None
    left, count = bytes_max, 0
    for item in items:
        left -= _size(item) + 2
        if left < 0:
            break
        count += 1
    return dict(items[:count]) if isinstance(value, Mapping) else list(items[:count])


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass")) + 20
