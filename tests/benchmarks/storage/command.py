"""`python -m tests.benchmarks storage …`: Pacha against every peer that is installed.

Runs works in interleaved rounds and keeps what it measured in a file; draws tables; writes them into docs/benchmarks.md
when told to. Works are made once into the folder named by --folder. `storage profile [WORK] --folder FOLDER` tells where
Pacha's time goes.
"""

import argparse
import json
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.measure import ROOT
from tests.benchmarks.storage import backups, registries, scripted
from tests.benchmarks.storage.compare import Measured, compare, now
from tests.benchmarks.storage.ours import Pacha
from tests.benchmarks.storage.peers import Peer
from tests.benchmarks.storage.profile import profile
from tests.benchmarks.storage.reach import reached
from tests.benchmarks.storage.report import plot, reach_table, rows_table, settings_table, tables
from tests.benchmarks.storage.works import SCALES, WORKS, Scale, made

PEERS: list[Peer] = [*backups.PEERS, *registries.PEERS, *scripted.PEERS]
PAGE, PICTURE = ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "benchmarks.svg"
MANY, GROUPS = "W5", "groups"
WORDS = {True: "reached", False: "not reached"}
BEGIN, END = "<!-- begin: what it printed -->", "<!-- end: what it printed -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that a report is drawn from."""

    machine: str
    scale: str
    peers: tuple[tuple[str, str, str], ...]
    notes: dict[str, dict[str, object]]
    results: tuple[Measured, ...]
    rows: dict[str, list[list[str]]] = field(default_factory=dict)

    def dump(self) -> str:
        """As JSON."""
        about = {
            "machine": self.machine,
            "scale": self.scale,
            "peers": self.peers,
            "notes": self.notes,
            "rows": self.rows,
        }
        return json.dumps({**about, "results": [found.as_json() for found in self.results]}, indent=1)

    @classmethod
    def load(cls, text: str) -> "Report":
        """From JSON."""
        told = json.loads(text)
        results = [{name: tuple(v) if isinstance(v, list) else v for name, v in row.items()} for row in told["results"]]
        return cls(
            machine=told["machine"],
            scale=told["scale"],
            peers=tuple((row[0], row[1], row[2]) for row in told["peers"]),
            notes=told["notes"],
            results=tuple(Measured(**row) for row in results),
            rows=told.get("rows", {}),
        )

    def text(self) -> str:
        """The whole report in Markdown."""
        origins = sorted({f"{note['origin']}" for note in self.notes.values() if "origin" in note})
        parts = [
            self.machine,
            f"Scale {self.scale}. Weights: {'; '.join(origins) or 'none'}.",
            settings_table(self.peers),
        ]
        parts += [tables(self.results), reach_table(reached(self.results, self.notes))]
        parts += [rows_table(rows) for rows in self.rows.values()]
        return "\n\n".join(parts) + "\n"


def main(words: Sequence[str]) -> int:
    """Runs what was asked for."""
    if list(words[:1]) == ["profile"]:
        return profile(words[1:])
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks storage", description=__doc__)
    names = f"{' '.join(WORKS)} {MANY} {GROUPS}"
    parser.add_argument("works", nargs="*", metavar="WORK", help=f"some of {names}; without any, all")
    parser.add_argument("--scale", choices=list(SCALES), default="small")
    parser.add_argument("--peers", default=None, help="comma-separated; without it, all that are installed")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(tempfile.gettempdir()) / "pacha-benchmarks",
        help="where works are kept and stores are made",
    )
    parser.add_argument(
        "--beside",
        type=Path,
        action="append",
        default=[],
        metavar="CHECKOUT",
        help="measure another checkout of Pacha too",
    )
    parser.add_argument("--results", type=Path, default=None, help="the file for what was measured; works add up in it")
    parser.add_argument("--draw", action="store_true", help="measure nothing; draw what the file holds")
    parser.add_argument("--docs", action="store_true", help="write the report into docs/benchmarks.md")
    options = parser.parse_args(words)
    file = options.results or options.folder / f"results-{options.scale}.json"
    if not options.draw:
        file.parent.mkdir(parents=True, exist_ok=True)
        _measure(options, file)
    report = Report.load(file.read_text("utf-8"))
    print(report.text())
    if options.docs:
        write_docs(report)
    return 0


def _measure(options: argparse.Namespace, file: Path) -> None:
    scale = SCALES[options.scale]
    before = Report.load(file.read_text("utf-8")) if file.exists() else None
    results = list(before.results) if before else []
    notes = dict(before.notes) if before else {}
    peers = [Pacha(), *(Pacha(source=path.resolve(), name=f"pacha-{path.resolve().name}") for path in options.beside)]
    rows = dict(before.rows) if before else {}
    for name in options.works or [*WORKS, MANY, GROUPS]:
        if name in (MANY, GROUPS):
            rows[name] = _rows(name, scale, options)
            _keep(file, scale, peers, notes, results, rows)
            continue
        work = made(name, scale, options.folder)
        notes[name] = work.notes
        results = [found for found in results if found.work != name]
        for ours in peers:
            ours.kind = work.kind
        place = options.folder / "stores"
        for found in compare(work, [*peers, *_taking_part(options.peers)], place, rounds=options.rounds):
            results.append(found)
            shown = f"{sum(found.put_seconds):.2f} s, {found.stored_bytes[-1] / 1e6:,.1f} MB"
            print(f"{found.work} round {found.round} {found.peer}: {shown}", file=sys.stderr, flush=True)
        shutil.rmtree(place, ignore_errors=True)
        _keep(file, scale, peers, notes, results, rows)


def _rows(name: str, scale: Scale, options: argparse.Namespace) -> list[list[str]]:
    """In a folder of its own, removed afterwards: what, seen, limit, word."""
    # Late: Pacha in this process would count as the peak memory of every process that it starts.
    from tests.benchmarks.storage.many import many_versions, old_groups

    place = options.folder / "many"
    shutil.rmtree(place, ignore_errors=True)
    found = many_versions(place, count=scale.versions, rounds=options.rounds) if name == MANY else old_groups()
    rows = [[row.what, row.seen, row.limit, "" if row.limit.startswith("(") else WORDS[row.holds]] for row in found]
    shutil.rmtree(place, ignore_errors=True)
    return rows


def _keep(
    file: Path,
    scale: Scale,
    ours: Sequence[Peer],
    notes: dict[str, dict[str, object]],
    results: Sequence[Measured],
    rows: dict[str, list[list[str]]],
) -> None:
    """Writes down what was measured so far: a run that is stopped has not been for nothing."""
    about = tuple((peer.name, peer.version(), peer.settings) for peer in [*ours, *_taking_part(None)])
    absent = tuple((peer.name, "not installed", "") for peer in PEERS if not peer.is_installed())
    report = Report(
        machine=_machine(), scale=scale.name, peers=about + absent, notes=notes, results=tuple(results), rows=rows
    )
    file.write_text(report.dump(), "utf-8")


def _taking_part(names: str | None) -> list[Peer]:
    return [peer for peer in PEERS if peer.is_installed() and (names is None or peer.name in names.split(","))]


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return (
        f"{now()}, Python {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores, {memory:.0f} GiB of memory."
    )


def write_docs(report: Report) -> None:
    """Replaces the made part of the page, and the picture."""
    page = PAGE.read_text("utf-8")
    part = f"{BEGIN}\n\n{report.text()}\n![Time to put and bytes stored](benchmarks.svg)\n\n{END}"
    PAGE.write_text(re.sub(f"{BEGIN}.*?{END}", lambda _: part, page, flags=re.DOTALL), "utf-8")
    PICTURE.write_text(plot(report.results), "utf-8")
