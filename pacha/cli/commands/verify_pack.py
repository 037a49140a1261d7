"""Reads every record of pack files and says what is wrong; with --list prints what they hold.

A record is TYPE:ID OFFSET STORED-BYTES PLAIN-BYTES CODEC.

Examples:
  pacha verify-pack --list .pacha/objects/pack/*.pack

Group: plumbing
"""

import os

import click

from pacha.base.errors import Usage
from pacha.base.files import Root
from pacha.base.ids import ObjectId
from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.porcelain.fsck_store import check_pack
from pacha.store.meta import is_hex_id
from pacha.store.pack import PackFile

DAMAGED_CODE = 5


@command(__doc__)
@click.argument("paths", nargs=-1, required=True)
@click.option("--list", "is_listed", is_flag=True, help="Print every record.")
@click.pass_obj
def COMMAND(app: App, paths: tuple[str, ...], is_listed: bool) -> int:
    """Runs `pacha verify-pack`."""
    damaged = False
    for path in paths:
        folder, name = os.path.split(os.path.abspath(os.path.join(app.start, path)))
        stem, _, ending = name.partition(".")
        if ending != "pack" or not is_hex_id(stem):
            raise Usage(f"{path}: not a pack by its name", hint="a pack is <64 digits>.pack")
        root, id = Root(folder), ObjectId.parse(stem)
        pack = PackFile(root, name, id)
        for problem in check_pack(root, name, id, {}):
            damaged = True
            app.output.line(f"{problem.check}: {problem.message}")
        if is_listed and not damaged:
            for offset, header in pack.scan():
                numbers = (offset, header.stored_length, header.plain_length, header.codec)
                app.output.record(f"{header.type}:{header.id}", *(str(number) for number in numbers))
        elif not damaged:
            app.output.line(f"{path}: whole")
    return DAMAGED_CODE if damaged else 0
