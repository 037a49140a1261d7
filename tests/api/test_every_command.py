"""Everything the command line does is a call first: each command has a row that names its methods, or says why none."""

import inspect

import pytest

from pacha.api.artifact import Artifact
from pacha.api.registry import Registry
from pacha.cli.commands_table import command_names, docstring_of, group_of
from pacha.cli.groups import KINDS, commands_of

#: What each command is in Python. A group is its commands, which have rows of their own.
CALLS: dict[str, tuple[str, ...]] = {
    "add": ("Registry.add",),
    "cat": ("Artifact.read",),
    "changes": ("Registry.changes",),
    "checkout": ("Registry.checkout", "Artifact.download"),
    "clone": ("Registry.clone",),
    "commit": ("Registry.commit",),
    "config": ("Registry.settings", "Registry.setting", "Registry.set_setting", "Registry.unset_setting"),
    "diff": ("Registry.diff", "Registry.diff_work_tree"),
    "doctor": ("Registry.doctor",),
    "erase": ("Registry.erase",),
    "fetch": ("Registry.fetch",),
    "fsck": ("Registry.fsck", "Registry.check_remote", "Registry.repair"),
    "gc": ("Registry.gc", "Registry.gc_pushed", "Registry.gc_remote"),
    "import": ("Registry.import_registry",),
    "init": ("Registry.init",),
    "lineage": ("Registry.lineage", "Registry.between", "Registry.impact", "Registry.draw"),
    "list": ("Registry.artifacts", "Registry.versions", "Registry.in_stage"),
    "log": ("Registry.log",),
    "pull": ("Registry.pull",),
    "push": ("Registry.push",),
    "reindex": ("Registry.reindex",),
    "remote": (
        "Registry.remotes",
        "Registry.remote_refs",
        "Registry.add_remote",
        "Registry.remove_remote",
        "Registry.trust_remote",
        "Registry.forget_remote",
    ),
    "repack": ("Registry.repack",),
    "reset": ("Registry.reset",),
    "resolve": ("Registry.unsettled", "Registry.settle"),
    "search": ("Registry.search",),
    "show": ("Registry.show", "Registry.get"),
    "stage": ("Registry.stage", "Registry.rollback", "Registry.holders", "Registry.stage_history"),
    "stats": ("Registry.stats", "Registry.storage"),
    "status": ("Registry.status", "Registry.remote_status"),
    "tag": ("Registry.tag",),
    "verify": ("Registry.verify",),
    "model register": ("Registry.register_model",),
    "model get": ("Registry.get_model", "Registry.show"),
    "model stage": ("Registry.stage", "Registry.rollback"),
    "data register": ("Registry.register_data",),
    "data get": ("Registry.get_data", "Registry.show"),
    "data schema": ("Registry.schema", "Registry.schema_text"),
    "data validate": ("Registry.validate_data",),
    "data diff": ("Registry.diff_data",),
    "data provenance": ("Registry.provenance",),
    "recipe register": ("Registry.register_recipe",),
    "recipe get": ("Registry.get_recipe", "Registry.show", "Registry.recipe_file"),
    "recipe card": ("Artifact.card", "Registry.card_text"),
    "recipe validate": ("Registry.validate_recipe",),
    **{
        f"{kind} {name}": methods
        for kind in KINDS
        for name, methods in {
            "list": ("Registry.artifacts", "Registry.versions", "Registry.in_stage"),
            "inspect": ("Registry.inspect", "Artifact.facts"),
            "download": ("Artifact.download",),
            "lineage": ("Registry.lineage", "Registry.draw"),
            "yank": ("Registry.yank",),
        }.items()
    },
    **{f"{kind} card": ("Artifact.card", "Registry.card_text", "Registry.edit_card") for kind in ("model", "data")},
}
#: Commands that are rightly no calls, and why.
NONE = {
    "completion": "it is for a shell",
    "demo": "it shows the commands themselves",
    "help": "Python has help()",
    "serve": "it is a process of its own",
    "schema": "it tells the shape of --json; in Python the types of the answers do",
}
CLASSES = {"Registry": Registry, "Artifact": Artifact}


def every_command() -> set[str]:
    """All commands that are neither groups nor plumbing."""
    plumbing = {name for name in command_names() if group_of(docstring_of(name)) == "plumbing"} - {"reindex", "repack"}
    own = {name for name in command_names() if name not in KINDS} - plumbing
    return own | {f"{kind} {name}" for kind in KINDS for name in commands_of(kind)}


def without_a_row(commands: set[str]) -> set[str]:
    """The commands that nobody thought of in Python."""
    return commands - {*CALLS, *NONE}


def test_every_command_is_a_call_or_says_why_not() -> None:
    assert without_a_row(every_command()) == set()


def test_no_row_is_of_a_command_that_is_gone() -> None:
    assert {*CALLS, *NONE} - every_command() == set() and {*CALLS} & {*NONE} == set()


def test_a_command_without_a_row_is_found() -> None:
    assert without_a_row({*every_command(), "model frobnicate"}) == {"model frobnicate"}


@pytest.mark.parametrize("call", sorted({call for calls in CALLS.values() for call in calls}))
def test_a_call_exists_and_says_what_it_does(call: str) -> None:
    owner, _, name = call.partition(".")
    found = inspect.getattr_static(CLASSES[owner], name)
    assert (getattr(found, "__doc__", None) or found.__func__.__doc__).strip().endswith((".", ")"))


def test_every_call_is_one_of_a_command() -> None:
    """Nothing can be done in Python alone: what is no row here only opens, closes, names or keeps together."""
    named = {call.partition(".")[2] for calls in CALLS.values() for call in calls if call.startswith("Registry.")}
    public = {name for name in dir(Registry) if not name.startswith("_")}
    assert public - named == {"open", "close", "path", "session"}
