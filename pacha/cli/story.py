"""The story that `pacha demo` tells. Every step is a real command in a process of its own; typing them gives the same."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.resources import files

from pacha.base.errors import PachaError, Usage
from pacha.base.files import naming, remove_tree
from pacha.cli.render import Output, Styled
from pacha.cli.story_steps import DATA, FIRST, MODEL, RECIPE, REGISTRY, SCRIPT, SECOND, SHARING, THIRD, Step


class DemoFailed(PachaError):
    """A step of the demo did not end well."""


class NotThere(Usage):
    """The folder for the demo exists."""


def tell(output: Output, folder: str, *, shown: str, variables: Mapping[str, str]) -> None:
    """Tells the story in a new folder. Errors: `NotThere`, `DemoFailed`, `MachineFailed`."""
    if os.path.lexists(folder):
        raise NotThere(f"{shown}: exists", hint="name a folder that does not: `pacha demo DIR`", path=shown)
    with naming(shown):
        os.makedirs(folder)
        for name in (DATA, SCRIPT, RECIPE):
            target = os.path.join(folder, name)
            with open(target, "wb") as file:
                file.write(files("pacha.demo").joinpath(name).read_bytes())
    output.line(Styled("Palmer penguins", "bold"), ": 344 birds, CC0, Gorman, Williams and Fraser (2014).")
    output.line(f"{shown} now holds {DATA}, {SCRIPT} and {RECIPE}, copied from the package.")
    story = _Story(output, folder, variables)
    output.line(Styled(f"$ cd {shlex.quote(shown)}", "green"))
    for step in FIRST:
        story.run(step)
    first = story.read(MODEL)
    for step in SECOND:
        story.run(step)
    if story.read(MODEL) != first:
        raise DemoFailed("the first model did not come back byte for byte", hint="please report this")
    output.line(f"{MODEL} is the first model again, byte for byte.")
    for step in THIRD:
        story.run(step)
    output.line()
    output.line(Styled("A registry: data, recipes and models that know of each other.", "bold"))
    for step in REGISTRY:
        story.run(step)
    output.line()
    output.line(Styled("Sharing it.", "bold"))
    for step in SHARING:
        story.run(step)
    story.close()
    _farewell(output, shown)


class _Story:
    def __init__(self, output: Output, folder: str, variables: Mapping[str, str]) -> None:
        self._output = output
        self._folder = folder
        self._has_git = shutil.which("git") is not None
        kept = {name: value for name, value in variables.items() if not name.startswith(("GIT_", "PACHA_"))}
        # What a clone notes of its remote is no business of this user's own settings.
        self._home = tempfile.mkdtemp(prefix="pacha-demo-")
        self._variables = {
            **kept,
            "PACHA_HOME": self._home,
            "PACHA_PAGER": "",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }

    def close(self) -> None:
        """Removes what only the story needed."""
        remove_tree(self._home)

    def run(self, step: Step) -> None:
        """Says a step, runs it, and shows what it printed. Without Git, the steps that need it are left out."""
        if step.needs_git and not self._has_git:
            return
        if step.told:
            self._output.line()
            self._output.line(Styled(f"# {step.told}", "dim"))
        self._output.line(Styled(f"$ {step.command}", "green"))
        words = shlex.split(step.command)
        programs = {"pacha": [sys.executable, "-m", "pacha"], "python": [sys.executable]}
        command = [*programs.get(words[0], [words[0]]), *words[1:]]
        with naming(self._folder):
            done = subprocess.run(
                command,
                cwd=self._folder,
                env=self._variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
        self._output.text(done.stdout.decode("utf-8", "replace"))
        if done.returncode != step.code:
            raise DemoFailed(f"`{step.command}` ended with {done.returncode}", hint=f"look into {self._folder}")

    def read(self, name: str) -> bytes:
        """The bytes of a file in the demo's folder."""
        path = os.path.join(self._folder, name)
        with naming(path), open(path, "rb") as file:
            return file.read()


def _farewell(output: Output, shown: str) -> None:
    output.line()
    output.line(Styled("That is Pacha.", "bold"), f" Everything lies in {shown}:")
    output.table(
        [
            [f"  {shown}/.pacha/refs, objects", "history and versions: small text, for Git"],
            [f"  {shown}/.pacha/objects/pack", "the bytes, each once, kept out of Git"],
        ]
    )
    output.line("Try next, in there:")
    output.table(
        [
            ["  git add -A && git commit -m demo", "a clone of this knows every version"],
            ["  pacha model get penguin-classifier", "all about the latest version"],
            ["  pacha log --json", "the same for programs"],
            ["  pacha help", "everything else"],
        ]
    )
