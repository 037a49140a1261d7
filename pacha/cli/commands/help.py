"""Explains a command, or a topic: exit-codes, references, search, environment, formatting.

Examples:
  pacha help commit
  pacha help exit-codes

Group: help
"""

import difflib

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command, command_names
from pacha.cli.topics import TOPICS


@command(__doc__)
@click.argument("words", nargs=-1, metavar="[COMMAND|TOPIC]")
@click.pass_context
def COMMAND(context: click.Context, words: tuple[str, ...]) -> None:
    """Runs `pacha help`."""
    app: App = context.obj
    root = context.find_root()
    app.output.page()
    if not words:
        app.output.text(root.get_help())
        app.output.line()
        app.output.line(f"Topics: {', '.join(TOPICS)} (`pacha help TOPIC`)")
        return
    if words[0] in TOPICS and words[0] not in command_names():
        app.output.text(TOPICS[words[0]])
        return
    group, found = root.command, root.command
    path = root
    for word in words:
        assert isinstance(group, click.Group)
        inner = group.get_command(path, word)
        if inner is None:
            names = [*group.list_commands(path), *TOPICS]
            near = difflib.get_close_matches(word, names, n=3)
            raise click.UsageError(f"no such command or topic: {word}" + (f"; did you mean {near[0]}?" if near else ""))
        path = click.Context(inner, info_name=word, parent=path)
        found = inner
        if isinstance(inner, click.Group):
            group = inner
    app.output.text(found.get_help(path))
    if words[0] in TOPICS and len(words) == 1:
        app.output.line()
        app.output.text(TOPICS[words[0]])
