"""What a shell may complete of a search. Apart, since no other command needs what a search does."""

import click

from pacha.base.errors import PachaError
from pacha.cli.completing import workspace_of
from pacha.porcelain.search import field_names


def complete_fields(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Fields that a search may name, after a comma the next one."""
    workspace = workspace_of(context)
    before, comma, start = incomplete.rpartition(",")
    try:
        names = [] if workspace is None else field_names(workspace)
    except PachaError:
        return []
    return [f"{before}{comma}{name}" for name in names if name.startswith(start)]


def complete_query(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Fields for the last word of a query."""
    before, blank, start = incomplete.rpartition(" ")
    return [f"{before}{blank}{name}" for name in complete_fields(context, parameter, start)]
