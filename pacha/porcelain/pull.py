"""`pacha pull`: fetches, brings the bytes that this checkout names, and writes out what is safe to write.

By default that is the head of every artifact; more, or less, by reference. Where Git carries refs, none is moved; else
they are taken over (`join`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pacha.base.errors import Absent, Corrupt
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.objects.manifest import Manifest
from pacha.objects.types import Link
from pacha.porcelain.checkout import CheckedOut, Unsaved, checkout_heads
from pacha.porcelain.connect import Connection
from pacha.porcelain.erasures import Erased, Erasures
from pacha.porcelain.fetch import Fetched, chosen, fetch
from pacha.porcelain.fsck import fsck
from pacha.porcelain.getting import GetOptions, Got, get
from pacha.porcelain.remote_statements import RemoteStatements
from pacha.porcelain.repair import Repaired, repair
from pacha.porcelain.workspace import Workspace
from pacha.refs.store import RefStore
from pacha.registry.catalog import Catalog, SeveralHeads


@dataclass(frozen=True, slots=True, kw_only=True)
class PullOptions:
    """What is brought. `manifests` None: all heads; `all_versions`: every version too; `repair`: damage is healed first."""

    join: bool
    artifacts: tuple[ArtifactName, ...] = ()
    manifests: tuple[ObjectId, ...] | None = None
    all_versions: bool = False
    with_lineage: bool = False
    write_out: bool = True
    repair: bool = False
    data: GetOptions = GetOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """What came. `written` are paths of the work tree; `kept` are those that hold work of one's own, with the reason."""

    fetched: Fetched
    got: Got
    written: tuple[CheckedOut, ...]
    kept: tuple[str, ...]
    is_dry_run: bool
    repaired: Repaired | None = None


def pull(workspace: Workspace, connection: Connection, options: PullOptions) -> Pulled:
    """Pulls. Errors: `JoinRefused`, `NotOnRemote`, `BrokenRemote`, those of `Remote`.

    Crash: what had arrived stays, and the next pull goes on from there.
    """
    is_dry_run = options.data.dry_run
    fetched = fetch(workspace, connection, artifacts=options.artifacts, join=options.join and not is_dry_run)
    repaired = repair(workspace, connection, fsck(workspace).problems) if options.repair else None
    coming = _coming(connection, options) if is_dry_run and options.join else {}
    manifests, erased = _without_erased(workspace, connection, _wanted(workspace, options, coming))
    got = get(workspace, connection, manifests, options.data)
    written: tuple[CheckedOut, ...] = ()
    kept: tuple[str, ...] = ()
    is_partial = options.data.trees_only or options.data.paths or options.manifests is not None
    if options.write_out and not is_partial and not is_dry_run:
        written, kept = _write_out(workspace, options)
    return Pulled(
        fetched=fetched,
        got=got,
        written=written,
        kept=(*kept, *erased),
        is_dry_run=is_dry_run,
        repaired=repaired,
    )


def as_joined(workspace: Workspace, connection: Connection, artifacts: Sequence[ArtifactName] = ()) -> Workspace:
    """The workspace as it would be once the refs of a remote were taken over: what a name would stand for then.

    Nothing is taken over; a fetch has brought the META.
    """
    repository = workspace.repository
    present = repository.refs
    new = {ref: link for ref, link in chosen(connection.state, artifacts).items() if present.read(ref) is None}
    refs = RefStore(repository.root, replace(present.overlay, created={**new, **present.overlay.created}))
    found = Workspace(repository)
    # Without the index: that is about what is registered.
    found.catalog = Catalog(refs, repository.objects, rules=lambda: found.rules)
    return found


def _coming(connection: Connection, options: PullOptions) -> dict[ArtifactName, list[ObjectId]]:
    """The heads that a pull would take over."""
    found: dict[ArtifactName, list[ObjectId]] = {}
    for ref, link in chosen(connection.state, options.artifacts).items():
        if ref.namespace == "heads":
            kind, name = ref.folder.split("/")[-2:]
            found.setdefault(ArtifactName(kind, name), []).append(link.id)
    return found


def _wanted(
    workspace: Workspace, options: PullOptions, coming: Mapping[ArtifactName, Sequence[ObjectId]]
) -> list[ObjectId]:
    catalog = workspace.catalog
    if options.manifests is not None:
        ids = dict.fromkeys(options.manifests)
    else:
        artifacts = options.artifacts or tuple(dict.fromkeys([*catalog.artifacts(), *coming]))
        ids = {
            id: None
            for artifact in artifacts
            for id in sorted(catalog.newest([*catalog.heads(artifact), *coming.get(artifact, ())]))
        }
        if options.all_versions:
            ids.update((tagged.manifest, None) for artifact in artifacts for tagged in catalog.tagged(artifact))
    if options.with_lineage:
        todo = list(ids)
        while todo:
            new = [parent.manifest for parent in catalog.manifest(todo.pop()).parents if parent.manifest not in ids]
            ids.update(dict.fromkeys(new))
            todo.extend(new)
    return list(ids)


def _without_erased(
    workspace: Workspace, connection: Connection, ids: Sequence[ObjectId]
) -> tuple[list[Manifest], tuple[str, ...]]:
    """The manifests whose bytes can be had, and why those of the others cannot."""
    erasures = Erasures(workspace.repository, RemoteStatements(connection.holdings))
    found: list[Manifest] = []
    erased: list[str] = []
    for id in ids:
        manifest, erasure = workspace.catalog.manifest(id), erasures.of(id)
        if erasure is None or connection.holdings.has(manifest.tree):
            found.append(manifest)
        elif not workspace.repository.objects.has(Link("tree", manifest.tree)):
            erased.append(f"{manifest.artifact} ({id.short}) was {erasure.text}")
    return found, tuple(erased)


def _write_out(workspace: Workspace, options: PullOptions) -> tuple[tuple[CheckedOut, ...], tuple[str, ...]]:
    """Brings each known path to its head, one by one: what holds work of one's own is left alone, and told."""
    written: list[CheckedOut] = []
    kept: list[str] = []
    for path, known in sorted(workspace.known.items()):
        if not known.heads or (options.artifacts and known.artifact not in options.artifacts):
            continue
        try:
            written.extend(item for item in checkout_heads(workspace, force=False, only=[path]) if item.is_written)
        except (Unsaved, SeveralHeads) as error:
            kept.append(error.message)
        except Erased:
            # It is told with all that was erased.
            continue
        except (Absent, Corrupt) as error:
            kept.append(f"{path}: {error.message}")
    return tuple(written), tuple(kept)
