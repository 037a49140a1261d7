"""What an import of an old registry would do: every row as an artifact, a parent or a move, or a reason why not.

Planning reads and checks everything, bytes included, and writes nothing. A row that cannot be kept is told and left
out; what referred to it is told too, and kept as text in the card of who referred.

Longer than most modules: what becomes of a row, and what is said where nothing can, is one decision a table.
"""

import contextlib
import os
import stat
from collections.abc import Iterable, Mapping
from typing import Any

from pacha.base.errors import Corrupt, NotFound, Usage
from pacha.base.files import Root
from pacha.base.ids import ObjectId, hash_bytes
from pacha.base.names import ArtifactName, check_name
from pacha.base.semver import Version
from pacha.base.toml import write_toml
from pacha.index.legacy import FILE, NoOldRegistry, OldRegistry, OldRow, read_old_registry
from pacha.porcelain.import_items import Key, Plan, Planned, Renamed, cut, run_ref
from pacha.porcelain.import_lineage import Lineage
from pacha.porcelain.import_objects import FOLDER as OBJECTS
from pacha.porcelain.import_objects import BadOldObject, check_object, file_name, unnamed_objects
from pacha.porcelain.workspace import Workspace
from pacha.refs.names import BadRefName, RefName
from pacha.registry import legacy_cards
from pacha.registry.catalog import Catalog, Tagged
from pacha.registry.content_address import BadContentAddress, ContentAddress
from pacha.registry.legacy_values import BadOldValue, new_name, new_stage, new_time, new_version

#: The table, the column that is its document, and what reads it.
DOCUMENTS = {
    "data": ("datasets", "datasheet_json", legacy_cards.datasheet),
    "recipe": ("recipes", "recipe_json", legacy_cards.recipe),
    "run": ("runs", "run_json", legacy_cards.run),
    "model": ("models", "card_json", legacy_cards.model_card),
}
#: The experiment of a run that names no recipe.
NO_RECIPE = "imported"
#: What an old registry's folder holds, apart from its objects.
_KNOWN_FILES = frozenset({FILE, f"{FILE}-journal", f"{FILE}-wal", f"{FILE}-shm", OBJECTS})
#: Single left-over objects are named up to here.
UNNAMED_TOLD_MAX = 20
#: What is wrong with one row leaves that row out. Anything else ends the import.
ROW_ERRORS = (Corrupt, NotFound, Usage)


def plan_import(workspace: Workspace, path: str, renames: Mapping[str, str]) -> Plan:
    """Plans the import of the registry in a folder, or of the `registry.db` that a path names. Writes nothing.

    `renames` maps old names to new ones. Errors: `NoOldRegistry`, `BadOldRegistry`, `BadOldObject`, `OldRegistryInUse`,
    `BadName`.
    """
    folder = os.path.realpath(os.path.dirname(path) or "." if os.path.basename(path) == FILE else path)
    if not os.path.isdir(folder):
        raise NoOldRegistry(f"{path}: no such folder", hint="name the folder that holds registry.db", path=path)
    old = read_old_registry(folder)
    root = Root(folder, temporary="")
    state = root.stat(OBJECTS)
    if state is not None and not stat.S_ISDIR(state.st_mode):
        raise BadOldObject(
            f"{root.full(OBJECTS)}: a link or a file lies where the folder of all objects must be",
            hint="put the folder in its place: links are never followed",
            path=root.full(OBJECTS),
        )
    planner = _Planner(workspace, root, renames)
    return planner.run(old)


class _Planner:
    def __init__(self, workspace: Workspace, root: Root, renames: Mapping[str, str]) -> None:
        repository = workspace.repository
        # Straight from disk: the index would be written, and planning writes nothing.
        self._catalog = Catalog(repository.refs, repository.objects)
        self._progress = repository.progress
        self._root = root
        self._renames = {old: check_name(new) for old, new in renames.items()}
        self._here: dict[ArtifactName, dict[tuple[object, ...], Tagged]] = {}
        self._taken: dict[tuple[ArtifactName, tuple[object, ...]], Version] = {}
        self._plan = Plan(folder=root.path)
        self._items: dict[Key, Planned] = {}
        self._by_id: dict[str, Key] = {}
        self._by_digest: dict[ObjectId, Key] = {}
        self._failed: dict[str, str] = {}
        self._named: set[ObjectId] = set()

    def run(self, old: OldRegistry) -> Plan:
        """Every table, then what leads from one row to another, then the order."""
        names = {kind: self._map_names(kind, old.of(table)) for kind, (table, _, _) in DOCUMENTS.items()}
        for name in self._renames.keys() - {name for known in names.values() for name in known}:
            raise Usage(f"--rename {cut(name)}: nothing in the old registry has that name")
        for row in (*old.of("models"), *old.of("datasets")):
            with contextlib.suppress(BadContentAddress):
                self._named.add(self._address(row).digest)
        self._progress.start("checking", total_bytes=sum(_size(row) for row in old.rows))
        try:
            for kind, (table, column, _) in DOCUMENTS.items():
                for row in old.of(table):
                    self._row(kind, row, column, names)
        finally:
            self._progress.finish()
        lineage = Lineage(self._plan, self._items, by_id=self._by_id, by_digest=self._by_digest, failed=self._failed)
        for item in self._items.values():
            lineage.references(item)
        for row in old.of("lineage"):
            lineage.edge(row)
        for fault in old.faults:
            self._plan.leave_out("row", FILE, fault)
        for name, rows in old.other_tables:
            if rows:
                self._plan.leave_out("table", name, f"{rows} rows of a table that is not imported")
        self._files()
        lineage.order(self._catalog)
        return self._plan

    # -- names -----------------------------------------------------------------------------------------------------

    def _map_names(self, kind: str, rows: Iterable[OldRow]) -> dict[str, str]:
        """The new name of every old one. Names that need no change keep theirs; whoever would meet one is left out."""
        old_names = sorted({_old_name(kind, row) for row in rows})
        wanted = {old: self._renames.get(old) or new_name(old) for old in old_names}
        holders: dict[str, str] = {}
        for old, new in sorted(wanted.items(), key=lambda pair: (pair[0] != pair[1], pair[0])):
            holders.setdefault(new, old)
        for old, new in wanted.items():
            if holders[new] == old and old != new and kind != "run":
                self._plan.renamed.append(Renamed(kind=kind, old=old, new=new))
        for old in [old for old, new in wanted.items() if holders[new] != old]:
            if kind != "run":
                reason = (
                    f"would be {kind}/{wanted[old]}, as {holders[wanted[old]]!r} is; give it another name with --rename"
                )
                self._plan.leave_out(kind, old, reason)
                del wanted[old]
        return wanted

    # -- rows ------------------------------------------------------------------------------------------------------

    def _row(self, kind: str, row: OldRow, column: str, names: Mapping[str, Mapping[str, str]]) -> None:
        """Plans one version or run, or says why not."""
        old_name, old_version = (row.text("id"), "") if kind == "run" else (row.text("name"), row.text("version"))
        shown = f"{old_name}:{old_version}" if old_version else old_name
        try:
            item = self._planned(kind, row, names, (kind, old_name, old_version))
            if item is not None:
                self._describe(item, row, column)
                self._keep(item, row)
        except ROW_ERRORS as error:
            self._failed[row.text("id")] = shown
            self._plan.leave_out(kind, shown, error.message)

    def _describe(self, item: Planned, row: OldRow, column: str) -> None:
        """Reads the card, looks whether the item is here already, and checks its bytes if it is not."""
        kind = item.artifact.kind
        card = DOCUMENTS[kind][2](row.text(column))
        item.card, item.wanted = card.card, card.wanted
        if kind == "run":
            item.source = row.text(column).encode("utf-8")
        elif kind == "recipe":
            item.source = self._recipe_file(item, card.exact)
        self._check_here(item, row)
        if item.present is None and kind in ("model", "data"):
            item.source = check_object(self._root, self._address(row).digest, self._progress)
            item.file_name = file_name(item.artifact.name, kind, item.source.head)
        self._plan.notes.extend(f"{item.ref}: {note}" for note in card.notes)

    def _planned(self, kind: str, row: OldRow, names: Mapping[str, Mapping[str, str]], key: Key) -> Planned | None:
        """An item without its card and bytes; None where its name was left out already."""
        run_id = _run_id(row.text("id")) if kind == "run" else None
        name = names[kind].get(_old_name(kind, row))
        if name is None:
            self._failed[row.text("id")] = f"{key[1]}:{key[2]}"
            return None
        if key in self._items:
            raise BadOldValue("there is another row of that name and version")
        version = None
        if kind != "run":
            version = new_version(key[2])
            if str(version) != key[2]:
                self._plan.notes.append(f"{kind} {key[1]}:{key[2]} becomes version {version}")
        created = new_time(row.text("started_at" if kind == "run" else "created_at"))
        if created is None:
            raise BadOldValue("its time is no time")
        return Planned(
            key=key, old_id=row.text("id"), artifact=ArtifactName(kind, name), version=version, run_id=run_id,
            created=created, card={}, source=None, file_name="run.json" if kind == "run" else f"{name}.toml",
        )  # fmt: skip

    def _keep(self, item: Planned, row: OldRow) -> None:
        self._items[item.key] = item
        self._by_id.setdefault(item.old_id, item.key)
        if item.version is not None:
            self._taken[item.artifact, item.version.precedence] = item.version
        if item.artifact.kind in ("model", "data"):
            self._by_digest.setdefault(self._address(row).digest, item.key)
        if item.artifact.kind == "model":
            self._keep_stage(item, row)

    def _keep_stage(self, item: Planned, row: OldRow) -> None:
        old = row.values["stage"]
        stage = new_stage(None if old is None else str(old))
        if stage is None:
            self._plan.leave_out("stage", item.ref, f"there is no stage {str(old)[:40]!r}; it is in development")
            return
        item.stage = stage
        item.staged = new_time(row.text("updated_at")) or item.created

    def _address(self, row: OldRow) -> ContentAddress:
        """Where a row says that its bytes are. Errors: `BadContentAddress`."""
        return ContentAddress.parse(row.text("content_hash"))

    def _check_here(self, item: Planned, row: OldRow) -> None:
        """Whether this repository has the item already. Errors: `BadOldValue` where other content has its name."""
        digest = self._address(row).digest if item.artifact.kind in ("model", "data") else None
        if isinstance(item.source, bytes):
            digest = hash_bytes(item.source)
        here = self._run_here(item)
        if item.version is not None:
            taken = self._taken.get((item.artifact, item.version.precedence))
            if taken is not None:
                raise BadOldValue(f"equals {item.artifact}:{taken} in precedence, which is imported")
            tagged = self._tagged(item.artifact).get(item.version.precedence)
            if tagged is not None and tagged.version != item.version:
                raise BadOldValue(f"equals {item.artifact}:{tagged.version} in precedence, and that exists here")
            here = None if tagged is None else tagged.manifest
        if here is None:
            return
        manifest = self._catalog.manifest(here)
        # A recipe's file names its data as it is called here, so it may differ and be the same recipe.
        is_same_recipe = item.artifact.kind == "recipe" and manifest.message == item.message
        if manifest.digest != digest and not is_same_recipe:
            raise BadOldValue(f"{item.ref} exists here with other content: manifest:{here.short}")
        item.present = here

    def _tagged(self, artifact: ArtifactName) -> dict[tuple[object, ...], Tagged]:
        if artifact not in self._here:
            self._here[artifact] = {item.version.precedence: item for item in self._catalog.tagged(artifact)}
        return self._here[artifact]

    def _run_here(self, item: Planned) -> ObjectId | None:
        link = None if item.version is not None else self._catalog.refs.read(run_ref(item))
        return None if link is None or link.type != "manifest" else link.id

    def _recipe_file(self, item: Planned, card: dict[str, Any]) -> bytes:
        """A recipe's TOML, with its references as they are written now. Errors: `BadToml`."""
        references: dict[str, object] = {}
        for name, _, wanted in item.wanted:
            found = self._items.get((wanted.kind, wanted.name, wanted.version))
            references[name] = f"{wanted.name}:{wanted.version}" if found is None else found.ref
        named = {"name": item.artifact.name, "version": str(item.version)}
        for name in named:
            item.card.pop(name, None)
        return write_toml(_without_nulls({**card, **named, **references})).encode("utf-8")

    # -- the rest --------------------------------------------------------------------------------------------------

    def _files(self) -> None:
        """What lies in the folder and is not read."""
        for entry in sorted(self._root.entries(""), key=lambda entry: entry.name):
            if entry.name not in _KNOWN_FILES:
                self._plan.leave_out("file", entry.name, "not a part of the registry that is imported")
        unnamed = sorted(unnamed_objects(self._root, self._named))
        for path in unnamed[:UNNAMED_TOLD_MAX]:
            self._plan.leave_out("object", path, "no row names it")
        if len(unnamed) > UNNAMED_TOLD_MAX:
            self._plan.leave_out("object", f"{len(unnamed) - UNNAMED_TOLD_MAX} more objects", "no row names them")


def _run_id(old: str) -> str:
    """The id of a run here: the old one in lower case where that is a part of a ref's name, else its hash."""
    text = old.lower()
    try:
        RefName(f"refs/runs/x/{text}")
    except BadRefName:
        return f"imported-{hash_bytes(old.encode('utf-8', 'surrogatepass')).hex[:16]}"
    return f"imported-{hash_bytes(old.encode('utf-8')).hex[:16]}" if "/" in text or len(text) > 64 else text


def _old_name(kind: str, row: OldRow) -> str:
    """The old name of what a row is of; a run is of an experiment, which is named as its recipe."""
    return row.text("name") if kind != "run" else row.text("recipe_name") or NO_RECIPE


def _size(row: OldRow) -> int:
    size = row.values.get("content_size")
    return size if isinstance(size, int) else 0


def _without_nulls(value: Any) -> Any:
    """TOML has no null: what is not there is left out."""
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value if item is not None]
    return value
