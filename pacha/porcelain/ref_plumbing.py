"""Plumbing over refs: listing, creating, removing, and walking history by id."""

from collections.abc import Iterator, Sequence

from pacha.base.errors import Conflict, NotFound, Usage
from pacha.base.ids import ObjectId
from pacha.graph.ancestry import newest_first
from pacha.objects.types import Link
from pacha.porcelain.workspace import Workspace
from pacha.refs.names import RefName
from pacha.refs.transaction import Transaction

_TARGETS = {"heads": "manifest", "runs": "manifest", "versions": "tag", "stages": "move", "attestations": "attestation"}


class RefExists(Conflict):
    """A ref names something else already."""


def each_ref(workspace: Workspace, prefix: str = "refs") -> Iterator[tuple[RefName, Link]]:
    """Every ref at or below a prefix with what it names, sorted. Errors: `BadRef`."""
    refs = workspace.repository.refs
    for name in sorted(refs.walk()):
        if prefix == "refs" or str(name) == prefix or str(name).startswith(prefix.rstrip("/") + "/"):
            link = refs.read(name)
            if link is not None:
                yield name, link


def create_ref(workspace: Workspace, name: RefName, link: Link) -> bool:
    """Creates a ref; False if it named that already. Errors: `RefExists`, `Usage`, `NotFound`."""
    wanted = _TARGETS[name.namespace]
    if link.type != wanted:
        raise Usage(f"a ref in {name.namespace} names a {wanted}, not a {link.type}")
    if not workspace.repository.objects.has(link):
        raise NotFound(f"{link} is not here", hint="store it before a ref names it")
    if workspace.repository.refs.read(name) == link:
        return False
    with workspace.session() as session, session.queue():
        present = session.apply(Transaction(refusable=(name, link)))
    if present is not None:
        raise RefExists(f"{name} names {present} and never changes", hint="refs are written once; choose another name")
    return True


def remove_head(workspace: Workspace, name: RefName) -> None:
    """Removes a head's ref; the other namespaces are write-once. Errors: `Usage`, `NotFound`."""
    if name.namespace != "heads":
        raise Usage(f"{name}: only heads can be removed", hint="a version is yanked, a stage moved")
    if workspace.repository.refs.read(name) is None:
        raise NotFound(f"no such ref: {name}")
    with workspace.session() as session, session.queue():
        session.apply(Transaction(remove=(name,)))


def rev_list(workspace: Workspace, starts: Sequence[ObjectId]) -> Iterator[ObjectId]:
    """The starts and all that came before them, the newest first."""
    return newest_first(starts, workspace.catalog.previous, workspace.catalog.created)
