"""What the story of `pacha demo` is made of: each step a sentence and a command. Nothing is run here."""

from dataclasses import dataclass

DATA, SCRIPT, RECIPE, MODEL = "penguins.csv", "train.py", "base.recipe.toml", "penguin-classifier.safetensors"

_REGISTER = f"pacha model register penguin-classifier {MODEL} -v minor --card card.toml"
_ORIGINS = f"--trained-on {DATA} --recipe {RECIPE}"
_RENAME = (
    f'python -c \'from pathlib import Path; file = Path("{DATA}");'
    ' file.write_text(file.read_text("utf-8").replace("species,", "kind,", 1), "utf-8")\''
)
_GIT_COMMIT = "git -c user.name=Demo -c user.email=demo@example.org -c commit.gpgsign=false commit -q -m models"


@dataclass(frozen=True, slots=True)
class Step:
    """What is said before a command, the command, and the code that it ends with."""

    told: str
    command: str
    code: int = 0
    needs_git: bool = False


FIRST = (
    Step("Git carries the history, Pacha the bytes.", "git init -q .", needs_git=True),
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
THIRD = (
    Step("And return to the newest.", "pacha checkout"),
    Step("Let Git have it: small text files, no bytes of models.", "git add -A", needs_git=True),
    Step("", _GIT_COMMIT, needs_git=True),
)
REGISTRY = (
    Step("What is in the data? Pacha looked when it was committed.", "pacha data schema penguins"),
    Step("A recipe says how to train. Can somebody else repeat it?", f"pacha recipe validate {RECIPE}"),
    Step("Register it: add, commit and tag in one go.", f"pacha recipe register {RECIPE}"),
    Step("Train by it. The script writes what it measured into card.toml.", f"python train.py --recipe {RECIPE}"),
    Step("Register the model, with its card and where it comes from.", f'{_REGISTER} {_ORIGINS} -m "by the recipe"'),
    Step("Let it be tried.", "pacha model stage penguin-classifier:1.2.0 -t staging"),
    Step(
        "And put it to work.",
        'pacha model stage penguin-classifier:1.2.0 -t production --reason "trained by a recipe that is registered"',
    ),
    Step("Somebody is in a hurry.", f"python train.py --recipe {RECIPE} --epochs 2"),
    Step("", f'{_REGISTER} {_ORIGINS} -m "two epochs will do"'),
    Step("", "pacha -q stage penguin-classifier:1.3.0 staging"),
    Step(
        "One version at a time is in production: the other gives way.",
        'pacha -q stage penguin-classifier:1.3.0 production --reason "the newest"',
    ),
    Step("Was that wise?", "pacha search 'kind=model metrics.accuracy>0.5' --sort metrics.accuracy:desc"),
    Step(
        "No. Bring the one before back.",
        'pacha -q stage penguin-classifier production --rollback --reason "tells fewer birds right"',
    ),
    Step("Who moved what, when and why.", "pacha stage penguin-classifier --history"),
    Step("Where does the model in production come from?", "pacha lineage penguin-classifier:production --up"),
    Step("Which models in production came of the data?", "pacha lineage penguins --impact"),
    Step("A column gets another name.", _RENAME),
    Step(
        "That breaks whoever reads it, so it is no minor version.",
        f'pacha commit {DATA} -m "species is called kind" --tag minor',
        code=1,
    ),
    Step("Pacha knows which number fits.", f'pacha commit {DATA} -m "species is called kind" --tag auto'),
    Step("All of this, for whoever reviews it.", "pacha changes HEAD", needs_git=True),
    Step("What it costs.", "pacha stats"),
)
SHARING = (
    Step(
        "Push it to where others find it. A folder will do; so do a bucket and a server.",
        "pacha push ./shared --stages",
    ),
    Step("Nothing is sent twice.", "pacha push ./shared --stages"),
    Step("A colleague has all of it, history and all.", "pacha clone ./shared colleague"),
    Step("", "pacha -C colleague list"),
    Step(
        "And what serves the model needs no repository: it asks for what is in production.",
        f"pacha model download penguin-classifier:production --repo ./shared -o serving/{MODEL}",
    ),
)
