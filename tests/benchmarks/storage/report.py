"""Draws what was measured: a table a work, the figures to reach, and a picture of bars. Only text is made here."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from xml.sax.saxutils import escape

from tests.benchmarks.storage.compare import Measured
from tests.benchmarks.storage.reach import Line, put, ratio, restored, stored
from tests.benchmarks.storage.works import WORKS

OURS = "pacha"
_HEADS = (
    "",
    "put s",
    "÷ pacha",
    "restore s",
    "÷ pacha",
    "check s",
    "stored MB",
    "of size",
    "last adds MB",
    "files",
    "peak MiB",
)
_MB, _MIB = 1e6, 1 << 20


def tables(results: Sequence[Measured]) -> str:
    """Markdown: a table for each work, peers by the time of their put."""
    parts = []
    for work in WORKS:
        found = [measured for measured in results if measured.work == work]
        if found:
            plain = found[0].plain_bytes
            rounds = len({measured.round for measured in found})
            parts.append(
                f"**{work}**, {WORKS[work][0]}: {sum(plain) / _MB:,.0f} MB in {len(plain)} versions, {rounds} rounds\n\n{_table(found)}"
            )
    return "\n\n".join(parts)


def _table(found: Sequence[Measured]) -> str:
    by: dict[str, list[Measured]] = {}
    for measured in found:
        by.setdefault(measured.peer, []).append(measured)
    peers = sorted(by, key=lambda peer: _middle(put(measured) for measured in by[peer]))
    rows = [_row(peer, by[peer], found) for peer in peers]
    lines = [_HEADS, ("---", *["--:"] * (len(_HEADS) - 1)), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _row(peer: str, own: Sequence[Measured], found: Sequence[Measured]) -> tuple[str, ...]:
    work, first = own[0].work, own[0]
    checks = [measured.check_seconds for measured in own if measured.check_seconds is not None]
    last = first.stored_bytes[-1] - first.stored_bytes[-2] if len(first.stored_bytes) > 1 else None
    peak = max(max(measured.put_peak_bytes, measured.restore_peak_bytes, measured.check_peak_bytes) for measured in own)
    return (
        f"**{peer}**" if peer.startswith(OURS) else peer,
        f"{_middle(put(measured) for measured in own):.2f}",
        _times(ratio(found, work, put, peer, OURS)),
        f"{_middle(restored(measured) for measured in own):.2f}",
        _times(ratio(found, work, restored, peer, OURS)),
        f"{_middle(checks):.2f}" if checks else "",
        f"{_middle(stored(measured) for measured in own) / _MB:,.1f}",
        f"{_middle(stored(measured) for measured in own) / sum(first.plain_bytes):.3f}",
        "" if last is None else f"{last / _MB:,.2f}",
        f"{first.files_made:,}",
        f"{peak / _MIB:,.0f}",
    )


def _middle(values: Iterable[float]) -> float:
    return statistics.median(list(values))


def _times(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def reach_table(lines: Sequence[Line]) -> str:
    """Markdown: the figures to reach."""
    rows = [("figure", "to reach", "seen", ""), ("---", "---", "--:", "---")]
    rows += [(line.what, line.limit, "" if line.seen is None else f"{line.seen:.3g}", line.word) for line in lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def rows_table(rows: Sequence[Sequence[str]]) -> str:
    """Markdown: rows of what, seen, limit, word."""
    shown = [("figure", "seen", "to reach", ""), ("---", "---", "---", "---"), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in shown)


def settings_table(rows: Sequence[tuple[str, str, str]]) -> str:
    """Markdown: peers, versions, settings."""
    shown = [("", "version", "settings"), ("---", "---", "---"), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in shown)


_STYLE = """\
text{font-family:system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;font-size:11px;fill:#1f2328}
.head{font-size:13px;font-weight:600}.bar{fill:#818b98}.ours{fill:#2f6feb}.name{text-anchor:end}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.bar{fill:#656c76}}
"""
_LEFT, _WIDE, _STEP, _GAP = 90, 330, 18, 34


def plot(results: Sequence[Measured]) -> str:
    """An SVG of bars: for each work the time of put and what is stored, each peer's as a share of the largest."""
    parts, height = [], 16
    for work in WORKS:
        found = [measured for measured in results if measured.work == work]
        if not found:
            continue
        for column, (what, unit, values) in enumerate(
            (
                ("put", "s", _values(found, put)),
                ("stored", "MB", {peer: value / _MB for peer, value in _values(found, stored).items()}),
            )
        ):
            parts += _bars(f"{work} {what}, {unit}", values, x=column * (_LEFT + _WIDE + 70), y=height)
        height += _STEP * len({measured.peer for measured in found}) + _GAP
    width = 2 * (_LEFT + _WIDE + 70)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" aria-labelledby="title">',
            '<title id="title">Time to put and bytes stored, by work and program</title>',
            f"<style>{_STYLE}</style>",
            *parts,
            "</svg>\n",
        ]
    )


def _values(found: Sequence[Measured], value: object) -> dict[str, float]:
    by: dict[str, list[float]] = {}
    for measured in found:
        by.setdefault(measured.peer, []).append(value(measured))  # type: ignore[operator]
    return {peer: _middle(values) for peer, values in by.items()}


def _bars(head: str, values: Mapping[str, float], *, x: int, y: int) -> list[str]:
    largest = max(values.values()) or 1
    parts = [f'<text class="head" x="{x + _LEFT}" y="{y}">{escape(head)}</text>']
    for number, (peer, value) in enumerate(sorted(values.items(), key=lambda item: item[1])):
        top = y + 8 + number * _STEP
        wide = max(1.0, value / largest * _WIDE)
        kind = "ours" if peer.startswith(OURS) else "bar"
        parts.append(f'<text class="name" x="{x + _LEFT - 6}" y="{top + 11}">{escape(peer)}</text>')
        parts.append(f'<rect class="{kind}" x="{x + _LEFT}" y="{top}" width="{wide:.1f}" height="{_STEP - 5}"/>')
        parts.append(f'<text x="{x + _LEFT + wide + 5:.1f}" y="{top + 11}">{value:,.3g}</text>')
    return parts
