"""Words that commands about remotes share: which remote is meant, and how refs are shown."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from pacha.base.names import ArtifactName
from pacha.cli.app import App
from pacha.cli.naming import artifact_named
from pacha.cli.render import Styled, count_text
from pacha.porcelain.connect import Connection, connect, named
from pacha.porcelain.fetch import git_carries_refs
from pacha.refs.names import RefName

_Function = Callable[..., Any]
#: More lines than this are counted instead.
LINES_MAX = 20

trust_option: Callable[[_Function], _Function] = click.option(
    "--trust-remote", "trust", is_flag=True, help="A remote that only the project's file names is right; say so once."
)
only_option: Callable[[_Function], _Function] = click.option(
    "--only", "only", multiple=True, metavar="ARTIFACT", help="Only this artifact; may be repeated."
)


@contextmanager
def connected(app: App, remote: str | None, *, trust: bool = False, is_writing: bool = False) -> Iterator[Connection]:
    """A remote that is open: by name, by place, or the one there is."""
    connection = connect(
        app.workspace, named(app.workspace, remote, start=app.start, trust=trust), is_writing=is_writing
    )
    try:
        yield connection
    finally:
        connection.remote.close()


def artifacts_named(app: App, names: Sequence[str]) -> tuple[ArtifactName, ...]:
    """The artifacts of `--only`, which may be known to the remote alone."""
    found = []
    for name in names:
        kind, slash, rest = name.partition("/")
        found.append(ArtifactName(kind, rest) if slash else artifact_named(app, name))
    return tuple(dict.fromkeys(found))


def joins(app: App, flag: bool | None) -> bool:
    """Whether refs are taken over: as was said, else where Git does not carry them."""
    return not git_carries_refs(app.workspace) if flag is None else flag


def ref_text(ref: str) -> str:
    """A ref as a person calls it.

    >>> ref_text("refs/versions/model/fraud/1.2.0"), ref_text("refs/stages/model/fraud/00000003")
    ('model/fraud:1.2.0', 'model/fraud stage move 3')
    """
    name = RefName(ref)
    artifact = "/".join(ref.split("/")[2:-1])
    if name.namespace == "versions":
        return f"{artifact}:{name.last}"
    if name.namespace == "stages":
        return f"{artifact} stage move {int(name.last)}"
    if name.namespace == "heads":
        return f"{artifact} head {name.last[:12]}"
    return ref


def print_refs(app: App, mark: str, color: str, refs: Iterable[str]) -> None:
    """One line a ref, as many as fit a screen."""
    texts = [ref_text(ref) for ref in refs]
    for text in texts[:LINES_MAX]:
        app.output.line(Styled(f"  {mark} ", color), text)
    if len(texts) > LINES_MAX:
        app.output.line(f"    and {count_text(len(texts) - LINES_MAX, 'more ref')}")
