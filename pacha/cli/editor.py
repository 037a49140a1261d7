"""Lets a person edit a text in the editor that they have chosen in their environment, never one that a repository names."""

import os
import shlex
import subprocess
import sys
import tempfile

from pacha.base.errors import MachineFailed, Negative, Usage
from pacha.base.files import naming
from pacha.cli.app import App

VARIABLES = ("PACHA_EDITOR", "VISUAL", "EDITOR")


class NotEdited(Negative):
    """The editor was left without a change, or with a failure."""


def edited(app: App, text: str) -> str:
    """The text as the editor left it. Errors: `NotEdited`, `Usage` where nobody could type."""
    chosen = next((value for name in VARIABLES if (value := app.environment.get(name))), None)
    if chosen is None and not sys.stdin.isatty():
        raise Usage("--edit wants a terminal, or an editor in EDITOR", hint="use --set, or --from FILE")
    with tempfile.TemporaryDirectory(prefix="pacha-") as folder:
        path = os.path.join(folder, "card.toml")
        with naming(path), open(path, "w", encoding="utf-8") as file:
            file.write(text)
        try:
            code = subprocess.run([*shlex.split(chosen or "vi"), path], check=False).returncode
        except OSError as error:
            raise MachineFailed(f"the editor cannot be run: {error}", hint="set EDITOR to one that can") from error
        with naming(path), open(path, encoding="utf-8") as file:
            new = file.read()
    if code != 0 or new == text:
        raise NotEdited(
            "the card is as it was: the editor changed nothing" if code == 0 else f"the editor ended with {code}"
        )
    return new
