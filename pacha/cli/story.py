"""The story that `pacha demo` tells. Every step is a real command in a process of its own; typing them gives the same."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from pacha.base.errors import PachaError, Usage
from pacha.base.files import naming
from pacha.cli.render import Output, Styled

DATA, SCRIPT, MODEL = "penguins.csv", "train.py", "penguin-classifier.safetensors"


class DemoFailed(PachaError):
    """A step of the demo did not end well."""


class NotThere(Usage):
    """The folder for the demo exists."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is said before a command, and the command."""

    told: str
    command: str


FIRST = (
    Step("A project with a Pacha repository in it.", "pacha init"),
    Step("Who commits here.", 'pacha config set user.name "Pacha Demo" --scope worktree'),
    Step("", "pacha config set user.email demo@example.org --scope worktree"),
    Step("Train a first model, far too short.", "python train.py --epochs 1"),
    Step("Track the data and the model. Kind and name come from the files.", f"pacha add {DATA} {MODEL}"),
    Step("See what is staged.", "pacha status"),
    Step("Commit both, or neither.", 'pacha commit -m "first classifier, one epoch"'),
    Step("Publish them as versions, once and for ever.", "pacha tag penguins 1.0.0"),
    Step("", "pacha tag penguin-classifier 1.0.0"),
)
SECOND = (
    Step("Train longer: the file changes.", "python train.py --epochs 500"),
    Step("Pacha sees it.", "pacha status"),
    Step("", "pacha diff"),
    Step("Add, commit and publish in one go.", f'pacha commit {MODEL} -m "500 epochs" --tag minor'),
    Step("The history, with the versions beside it.", "pacha log penguin-classifier"),
    Step("Compare two versions.", "pacha diff penguin-classifier:1.0.0 penguin-classifier:1.1.0"),
    Step("Read every byte: is everything what was committed?", "pacha verify"),
    Step("Bring the first model back.", "pacha checkout penguin-classifier:1.0.0"),
)
LAST = (
    Step("And return to the newest.", "pacha checkout"),
    Step("What it costs.", "pacha stats"),
)


def tell(output: Output, folder: str, *, shown: str, variables: Mapping[str, str]) -> None:
    """Tells the story in a new folder. Errors: `NotThere`, `DemoFailed`, `MachineFailed`."""
    if os.path.lexists(folder):
        raise NotThere(f"{shown}: exists", hint="name a folder that does not: `pacha demo DIR`", path=shown)
    with naming(shown):
        os.makedirs(folder)
        for name in (DATA, SCRIPT):
            target = os.path.join(folder, name)
            with open(target, "wb") as file:
                file.write(files("pacha.demo").joinpath(name).read_bytes())
    output.line(Styled("Palmer penguins", "bold"), ": 344 birds, CC0, Gorman, Williams and Fraser (2014).")
    output.line(f"{shown} now holds {DATA} and {SCRIPT}, copied from the package.")
    story = _Story(output, folder, variables)
    output.line(Styled(f"$ cd {shlex.quote(shown)}", "green"))
    for step in (_git_step(), *FIRST):
        story.run(step)
    first = story.read(MODEL)
    for step in SECOND:
        story.run(step)
    if story.read(MODEL) != first:
        raise DemoFailed("the first model did not come back byte for byte", hint="please report this")
    output.line(f"{MODEL} is the first model again, byte for byte.")
    for step in LAST:
        story.run(step)
    _farewell(output, shown)


def _git_step() -> Step:
    """Git of its own, so that no repository around the demo is ever touched."""
    if shutil.which("git"):
        return Step("Git carries the history, Pacha the bytes.", "git init -q .")
    return Step("There is no Git here; Pacha works without.", "true")


class _Story:
    def __init__(self, output: Output, folder: str, variables: Mapping[str, str]) -> None:
        self._output = output
        self._folder = folder
        kept = {name: value for name, value in variables.items() if not name.startswith(("GIT_", "PACHA_"))}
        self._variables = {**kept, "PACHA_PAGER": "", "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}

    def run(self, step: Step) -> None:
        """Says a step, runs it, and shows what it printed."""
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
        if done.returncode != 0:
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
            ["  pacha show penguin-classifier", "all about the latest version"],
            ["  pacha log --json", "the same for programs"],
            ["  pacha help", "everything else"],
        ]
    )
