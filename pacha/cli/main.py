"""The command `pacha`: global options, finding the subcommand, and turning every error into one line and an exit code.

`--version` answers before click is imported. No traceback reaches a user without `--debug`.
"""

import gc
import sys

from pacha import __version__

BUG, INTERRUPTED = 70, 130
#: What a command makes, it mostly keeps until it ends: looking for cycles among it after every 700 values, as Python
#: does by itself, takes a tenth of a `status` over thousands of files.
VALUES_PER_COLLECTION = 50_000


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit code. `arguments` are those after the program's name."""
    words = sys.argv[1:] if arguments is None else arguments
    if words == ["--version"]:
        sys.stdout.write(f"pacha {__version__}\n")
        return 0
    gc.set_threshold(VALUES_PER_COLLECTION)
    from pacha.cli.entry import run

    return run(words)
