"""Prints the id of a file's bytes, and with -w stores them as an object.

Examples:
  pacha hash-object model.safetensors
  pacha hash-object -w -t tree tree.json

Group: plumbing
"""

import sys

import click

from pacha.base.ids import hash_bytes
from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.completing import complete_files
from pacha.cli.infile import file_named, read_file
from pacha.objects.types import type_names
from pacha.porcelain.object_plumbing import hash_file, store_object
from pacha.store.record import RECORD_PLAIN_MAX


@command(__doc__)
@click.argument("paths", nargs=-1, shell_complete=complete_files)
@click.option("-t", "--type", "type_name", type=click.Choice(sorted(type_names())), default="blob", show_default=True)
@click.option("-w", "is_written", is_flag=True, help="Store it too.")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read standard input.")
@click.pass_obj
def COMMAND(app: App, paths: tuple[str, ...], type_name: str, is_written: bool, from_stdin: bool) -> None:
    """Runs `pacha hash-object`."""
    if not paths and not from_stdin:
        raise click.UsageError("name a file, or use --stdin")
    if from_stdin:
        data = sys.stdin.buffer.read(RECORD_PLAIN_MAX + 1)
        id = store_object(app.workspace, type_name, data).id if is_written else hash_bytes(data)
        app.output.record(f"{type_name}:{id}")
    for path in paths:
        if is_written:
            data = read_file(app.start, path, size_max=RECORD_PLAIN_MAX)
            app.output.record(str(store_object(app.workspace, type_name, data)))
        else:
            app.output.record(f"{type_name}:{hash_file(file_named(app.start, path))}")
