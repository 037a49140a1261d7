"""The command `pacha`: global options, finding the subcommand, and turning every error into one line and an exit code.

`--version` answers before click is imported. No traceback reaches a user without `--debug`.
"""

import sys

from pacha import __version__

BUG, INTERRUPTED = 70, 130


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit code. `arguments` are those after the program's name."""
    words = sys.argv[1:] if arguments is None else arguments
    if words == ["--version"]:
        sys.stdout.write(f"pacha {__version__}\n")
        return 0
    from pacha.cli.entry import run

    return run(words)
