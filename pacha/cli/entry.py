"""Runs one command: parses the global options, calls it, and answers every failure."""

import os
import sys
import traceback

import click

from pacha import __version__
from pacha.base.errors import MachineFailed, PachaError
from pacha.base.files import machine_failed
from pacha.cli.app import App
from pacha.cli.commands_table import Commands
from pacha.cli.render import Output
from pacha.repo.environment import Environment

BUG, INTERRUPTED, USAGE = 70, 130, 2


def _overrides(pairs: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise click.UsageError(f"-c wants KEY=VALUE, not {pair!r}")
        found[key] = value
    return found


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-C", "starts", metavar="DIR", multiple=True, help="Run as if started in DIR, each seen from the last.")
@click.option("-c", "settings", metavar="KEY=VALUE", multiple=True, help="Set a setting for this command only.")
@click.option("--repo", metavar="URL", default=None, help="Read a remote in place of a repository.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default=None, help="When to use colour.")
@click.option("--no-pager", is_flag=True, help="Never page long answers.")
@click.option("-q", "--quiet", is_flag=True, help="Print only the answer and errors.")
@click.option("--debug", is_flag=True, help="Show a traceback when something fails.")
@click.version_option(__version__, "--version", message="pacha %(version)s")
@click.pass_context
def pacha(
    context: click.Context,
    starts: tuple[str, ...],
    settings: tuple[str, ...],
    repo: str | None,
    color: str | None,
    no_pager: bool,
    quiet: bool,
    debug: bool,
) -> None:
    """Git for machine-learning artifacts: versions, lineage and history of models, datasets and recipes."""
    app: App = context.obj
    app.start = os.path.abspath(os.path.join(".", *starts))
    app.overrides = _overrides(settings)
    app.repo = repo or app.repo
    app.output.set_up(color=color, no_pager=no_pager, quiet=quiet)
    app.is_debug = debug
    if not os.path.isdir(app.start):
        raise click.UsageError(f"-C {starts[-1]}: no such folder")
    if context.invoked_subcommand is None:
        app.output.text(context.get_help())


def run(words: list[str]) -> int:
    """Runs the command that some words make up, and returns its exit code."""
    environment = Environment.current()
    app = App(environment, Output(environment.variables))
    try:
        with app:
            answer = pacha.main(args=words, prog_name="pacha", standalone_mode=False, obj=app)
            return answer if isinstance(answer, int) else 0
    except click.exceptions.Exit as error:
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        app.output.error_lines(["interrupted; what was stored is kept, run the command again to go on"])
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        app.output.text(error.format_message())
        return 0
    except click.ClickException as error:
        return _usage(app, error)
    except PachaError as error:
        return _failed(app, error)
    except (BrokenPipeError, SystemExit):
        # Whoever read us has seen enough (click leaves by SystemExit then). Nothing more can be flushed to them.
        sys.stdout = open(os.devnull, "w")
        return 0
    except OSError as error:
        return _failed(app, machine_failed(error, str(error.filename or "the system")))
    except Exception as error:
        return _bug(app, error)


def _usage(app: App, error: click.ClickException) -> int:
    context = getattr(error, "ctx", None)
    hint = f"see `{'pacha' if context is None else context.command_path} --help`"
    app.output.failure(
        code="UsageError", exit_code=USAGE, message=" ".join(error.format_message().split()), hint=hint, nouns={}
    )
    return USAGE


def _failed(app: App, error: PachaError) -> int:
    if app.is_debug:
        app.output.error_lines(traceback.format_exc().splitlines())
    if isinstance(error, MachineFailed) and "Broken pipe" in error.message:
        return 0
    app.output.failure(
        code=error.code, exit_code=error.exit_code, message=error.message, hint=error.hint, nouns=error.nouns
    )
    return error.exit_code


def _bug(app: App, error: Exception) -> int:
    if app.is_debug:
        app.output.error_lines(traceback.format_exc().splitlines())
    app.output.failure(
        code="Bug",
        exit_code=BUG,
        message=f"this is a bug in Pacha: {type(error).__name__}: {error}",
        hint="run it again with `pacha --debug …` and report what it prints; nothing acknowledged was lost",
        nouns={},
    )
    return BUG
