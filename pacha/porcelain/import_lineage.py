"""What leads from one row of an old registry to another: references, outputs of runs and edges become parents.

Then the order in which the rows can be written. What leads nowhere is told, and a circle loses one edge.
"""

import itertools
from collections.abc import Mapping
from typing import Any

from pacha.base.canonical import Unrepresentable, encode_lines
from pacha.base.ids import ObjectId
from pacha.graph.order import parents_first
from pacha.index.legacy import OldRow
from pacha.objects.manifest import PARENTS_MAX
from pacha.porcelain.import_items import Key, Plan, Planned
from pacha.registry.catalog import Catalog
from pacha.registry.content_address import BadContentAddress, ContentAddress
from pacha.registry.legacy_edges import edge_meaning
from pacha.registry.legacy_values import BadOldValue

#: What a card, and the attributes of all parents, may take of a manifest's 1 MiB.
CARD_BYTES_MAX = 512 << 10
ATTRIBUTES_BYTES_MAX = 64 << 10
#: Kinds in the order in which the old program made them.
KINDS = ("data", "recipe", "run", "model")


class Lineage:
    """Finds the parents of every item. `failed` says what the rows were that are not imported, by their ids."""

    def __init__(
        self,
        plan: Plan,
        items: Mapping[Key, Planned],
        *,
        by_id: Mapping[str, Key],
        by_digest: Mapping[ObjectId, Key],
        failed: Mapping[str, str],
    ) -> None:
        self._plan = plan
        self._items = items
        self._by_id = by_id
        self._by_digest = by_digest
        self._failed = failed

    def references(self, item: Planned) -> None:
        """The references of a card become parents; those that lead nowhere stay as text."""
        lost: dict[str, list[str]] = {}
        for name, role, wanted in item.wanted:
            key = (wanted.kind, wanted.name, wanted.version)
            if key in self._items:
                self._add_parent(item, key, role, {}, f"{name} of {item.ref}")
            else:
                self._plan.leave_out("reference", f"{name} of {item.ref}", f"{wanted} is not imported")
                lost.setdefault(name, []).append(f"{wanted.name}:{wanted.version}")
        if item.artifact.kind == "run":
            outputs = item.card.get("artifacts")
            for artifact in outputs if isinstance(outputs, list) else ():
                self._run_output(item, artifact)
        extra = item.card.get("extra", {})
        if lost and isinstance(extra, dict):
            item.card["extra"] = {**extra, "not_imported": lost}
        try:
            fault = "it is too long" if len(encode_lines(item.card)) > CARD_BYTES_MAX else None
        except Unrepresentable as error:
            fault = error.message
        if fault is not None:
            self._plan.leave_out("card", item.ref, fault)
            item.card = {}

    def _run_output(self, item: Planned, artifact: object) -> None:
        """A run lists what it produced by content: that artifact's parent is the run."""
        text = artifact.get("content_hash") if isinstance(artifact, dict) else None
        try:
            key = self._by_digest.get(ContentAddress.parse(str(text)).digest)
        except BadContentAddress:
            key = None
        if key is None:
            name = artifact.get("name") if isinstance(artifact, dict) else artifact
            self._plan.leave_out(
                "reference", f"output {str(name)[:60]!r} of {item.ref}", "no imported artifact has its bytes"
            )
            return
        self._add_parent(self._items[key], item.key, "run", {}, f"output of {item.ref}")

    def edge(self, row: OldRow) -> None:
        """A row of the lineage table becomes a parent."""
        from_id, to_id = row.text("from_id"), row.text("to_id")
        shown = f"{row.text('edge_type')} {from_id} → {to_id}"
        parent, child = self._node(from_id), self._node(to_id)
        if parent is None or child is None:
            lost = from_id if parent is None else to_id
            reason = f"{self._failed[lost]} is not imported" if lost in self._failed else f"nothing has the id {lost!r}"
            self._plan.leave_out("edge", shown, reason)
            return
        try:
            meaning = edge_meaning(
                row.text("edge_type"), row.text("metadata_json") or None, parent_id=from_id, parent_kind=parent[0]
            )
        except BadOldValue as error:
            self._plan.leave_out("edge", shown, error.message)
            return
        item = self._items[child]
        self._add_parent(item, parent, meaning.role, meaning.attributes, shown)
        recipe = None if meaning.recipe is None else self._node(meaning.recipe)
        if recipe is not None and recipe[0] == "recipe":
            self._add_parent(item, recipe, "recipe", {}, shown)
        elif meaning.recipe is not None:
            self._plan.leave_out("edge", f"recipe of {shown}", f"no recipe has the id {meaning.recipe[:60]!r}")

    def _node(self, id: str) -> Key | None:
        """What an end of an edge is: the id of a row, or the content address of one."""
        if id in self._by_id:
            return self._by_id[id]
        try:
            return self._by_digest.get(ContentAddress.parse(id).digest)
        except BadContentAddress:
            return None

    def _add_parent(self, item: Planned, parent: Key, role: str, attributes: dict[str, Any], shown: str) -> None:
        if (parent, role) not in item.parents and len(item.parents) >= PARENTS_MAX - 1:
            self._plan.leave_out("edge", shown, f"{item.ref} has more than {PARENTS_MAX - 1} parents")
            return
        known = item.parents.setdefault((parent, role), {})
        if attributes and sum(len(encode_lines(each)) for each in item.parents.values()) > ATTRIBUTES_BYTES_MAX:
            self._plan.leave_out("edge", shown, f"its attributes, because {item.ref} has too many of them")
            return
        known.update(attributes)

    def order(self, catalog: Catalog) -> None:
        """Parents first, and of one artifact the lower version first where its parents allow that."""
        rank = {kind: number for number, kind in enumerate(KINDS)}
        items = sorted(self._items.values(), key=lambda item: (rank[item.artifact.kind], _sort_key(item)))
        edges = [(item.key, parent) for item in items for parent, _ in item.parents]
        versions = [item for item in items if item.version is not None]
        wishes = [
            (later.key, earlier.key)
            for earlier, later in itertools.pairwise(versions)
            if earlier.artifact == later.artifact
        ]
        order = parents_first([item.key for item in items], edges, wishes)
        for child, parent in order.broken:
            item = self._items[child]
            for known, role in [pair for pair in item.parents if pair[0] == parent]:
                del item.parents[known, role]
                self._plan.leave_out("edge", f"{role} {self._items[parent].ref} → {item.ref}", "it closes a circle")
        self._plan.items = [self._items[key] for key in order.nodes]
        for item in self._plan.items:
            if item.present is not None:
                self._check_parents(catalog, item, item.present)

    def _check_parents(self, catalog: Catalog, item: Planned, present: ObjectId) -> None:
        """A version that is here keeps the parents that it has: what the old registry knows beyond them is told."""
        known = {(parent.role, parent.manifest) for parent in catalog.manifest(present).parents}
        for parent, role in list(item.parents):
            found = self._items[parent]
            if found.present is None or (role, found.present) not in known:
                del item.parents[parent, role]
                shown = f"{role} {found.ref} → {item.ref}"
                self._plan.leave_out("edge", shown, "that version is here without it, and a version never changes")


def _sort_key(item: Planned) -> tuple[Any, ...]:
    version = () if item.version is None else (item.version.precedence, item.version.build)
    return (item.artifact.name, version, item.created, item.old_id)
