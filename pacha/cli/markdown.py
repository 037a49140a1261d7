"""Markdown for people: laid out on a terminal, as it is anywhere else."""

import sys

from pacha.cli.render import Output, sanitise


def show_markdown(output: Output, text: str) -> None:
    """Prints Markdown. What a stranger wrote in it steers no terminal: it is sanitised before it is laid out."""
    if not sys.stdout.isatty():
        output.text(text)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console(force_terminal=output.has_color, no_color=not output.has_color, legacy_windows=False)
    with console.capture() as captured:
        console.print(Markdown(sanitise(text), hyperlinks=False))
    output.painted_text(captured.get())
