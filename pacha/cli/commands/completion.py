"""Prints the script that lets a shell complete commands, options, names and versions.

Examples:
  pacha completion bash >> ~/.bashrc
  pacha completion zsh >> ~/.zshrc
  pacha completion fish > ~/.config/fish/completions/pacha.fish

Group: help
"""

import click
from click.shell_completion import get_completion_class

from pacha.base.errors import Unsupported
from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.topics import POWERSHELL_SCRIPT

SHELLS = ("bash", "zsh", "fish", "powershell")


@command(__doc__)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def COMMAND(context: click.Context, shell: str) -> None:
    """Runs `pacha completion`."""
    app: App = context.obj
    found = get_completion_class(shell)
    if found is not None:
        source = found(context.find_root().command, {}, "pacha", "_PACHA_COMPLETE").source()
    elif shell == "powershell":
        source = POWERSHELL_SCRIPT
    else:
        raise Unsupported(f"no completion for {shell}")
    app.output.text(source)
