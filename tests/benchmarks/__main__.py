"""Runs benchmarks by hand: `python -m tests.benchmarks [NAME…]`; without a name, lists them; `all` runs all.

`python -m tests.benchmarks storage --help` tells of those that hold Pacha against other programs; they are run alone.
Each prints its figures with the limit or the peer that they are held against, seen in the same run.
"""

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.codecs import codecs
from tests.benchmarks.inspect import inspect_tensors
from tests.benchmarks.lineage import lineage
from tests.benchmarks.many import dedup, history, small_files, status, tiny_commits
from tests.benchmarks.many_versions import search_versions
from tests.benchmarks.measure import Row
from tests.benchmarks.one import big_file, startup
from tests.benchmarks.profile import profile
from tests.benchmarks.remotes import remotes
from tests.benchmarks.repack import repack
from tests.benchmarks.stages import stages
from tests.benchmarks.where import where

BENCHMARKS = {
    "startup": startup,
    "status": status,
    "commits": tiny_commits,
    "history": history,
    "search": search_versions,
    "dedup": dedup,
    "codecs": codecs,
    "inspect": inspect_tensors,
    "lineage": lineage,
    "profile": profile,
    "remotes": remotes,
    "repack": repack,
    "big-file": big_file,
    "small-files": small_files,
    "stages": stages,
    "where": where,
}


def main() -> int:
    """Runs what was named."""
    if sys.argv[1:2] == ["storage"]:
        # A process of its own: what this one holds would count as the peak memory of every process it starts.
        os.execv(sys.executable, [sys.executable, "-m", "tests.benchmarks.storage", *sys.argv[2:]])
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all, or some of {', '.join(BENCHMARKS)}")
    parser.add_argument("--folder", default=None, help="where to work; the same file system as real use")
    options = parser.parse_args()
    if not options.names:
        parser.print_help()
        return 0
    names = list(BENCHMARKS) if options.names == ["all"] else options.names
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}")
    is_good = True
    for name in names:
        print(f"\n{name}: {(BENCHMARKS[name].__doc__ or '').splitlines()[0]}", flush=True)
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            for row in BENCHMARKS[name](Path(folder)):
                is_good &= row.holds
                print(_line(row), flush=True)
    return 0 if is_good else 1


def _line(row: Row) -> str:
    return f"  {row.what:<44} {row.seen:<34} {row.limit:<38} {'ok' if row.holds else 'FALLS SHORT'}"


if __name__ == "__main__":
    sys.exit(main())
