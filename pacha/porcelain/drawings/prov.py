"""Lineage as W3C PROV, in PROV-JSON: what was derived from what, made by which activity, and whose it is.

A commit is an entity; what made it is the run it names, or the act of committing it; its author is an agent. A run
is an activity, and its record an entity. Source: W3C Member Submission "The PROV-JSON Serialization", 24 April 2013.
"""

from collections.abc import Mapping
from typing import Any

from pacha.base.ids import SHORT_DIGITS, ObjectId, hash_bytes
from pacha.objects.manifest import Manifest
from pacha.porcelain.drawings.words import attributes_text
from pacha.porcelain.lineage import LineageEdge, LineageReport
from pacha.porcelain.lineage_nodes import LineageNode
from pacha.porcelain.workspace import Workspace

NAMESPACE = "urn:pacha:"
_Records = dict[str, dict[str, dict[str, Any]]]


def provenance(workspace: Workspace, report: LineageReport) -> dict[str, Any]:
    """The PROV document of a report; authors are read from the manifests. Errors: `Absent`, `Corrupt`."""
    here = [node.manifest for node in report.nodes if node.artifact is not None]
    manifests = {id: workspace.catalog.manifest(id) for id in here}
    return prov(report, manifests, repository=workspace.repository.format.id)


def prov(report: LineageReport, manifests: Mapping[ObjectId, Manifest], *, repository: str) -> dict[str, Any]:
    """The PROV document of a report whose nodes have these manifests."""
    records: _Records = {}
    makers = _makers(report)
    for node in report.nodes:
        _entity(records, node, manifests.get(node.manifest))
        manifest = manifests.get(node.manifest)
        for maker in makers[node.manifest] if manifest is not None else ():
            _activity(records, node, maker, manifest.created if manifest is not None else "")
        if manifest is not None:
            _agent(records, node, makers[node.manifest], manifest.author)
    for number, edge in enumerate(report.edges):
        _derivation(records, edge, makers[edge.child], number)
    space = f"{NAMESPACE}{repository}:"
    prefixes = {
        "pacha": f"{NAMESPACE}terms:",
        **{name: f"{space}{name}:" for name in ("manifest", "commit", "run", "agent")},
    }
    return {"prefix": prefixes, **records}


def _makers(report: LineageReport) -> dict[ObjectId, list[str]]:
    """The activities that made each commit: the runs that it names, else itself."""
    runs: dict[ObjectId, list[str]] = {}
    for edge in report.edges:
        if edge.role == "run":
            runs.setdefault(edge.child, []).append(f"run:{edge.parent.hex}")
    own = {node.manifest: "run" if node.artifact and node.artifact.kind == "run" else "commit" for node in report.nodes}
    return {id: runs.get(id) or [f"{word}:{id.hex}"] for id, word in own.items()}


def _entity(records: _Records, node: LineageNode, manifest: Manifest | None) -> None:
    value: dict[str, Any] = {"prov:label": node.name}
    if node.artifact is not None:
        value["prov:type"] = {"$": f"pacha:{node.artifact.kind}", "type": "prov:QUALIFIED_NAME"}
        value["pacha:artifact"] = str(node.artifact)
    if node.labels:
        value["pacha:version"] = [label.version for label in node.labels]
    held = [f"{label.version} {label.stage}" for label in node.labels if label.stage]
    if held:
        value["pacha:stage"] = held
    if manifest is not None:
        value["pacha:digest"] = f"blake3:{manifest.digest}"
    records.setdefault("entity", {})[_entity_id(node.manifest)] = value


def _activity(records: _Records, node: LineageNode, maker: str, created: str) -> None:
    known = records.setdefault("activity", {}).setdefault(maker, {})
    if maker.endswith(node.manifest.hex):
        known["prov:label"] = f"{maker.partition(':')[0]} of {node.name}"
        if maker.startswith("commit:"):
            known["prov:startTime"] = known["prov:endTime"] = created
    records.setdefault("wasGeneratedBy", {})[f"_:generated-{node.manifest.short}-{_short(maker)}"] = {
        "prov:entity": _entity_id(node.manifest), "prov:activity": maker, "prov:time": created,
    }  # fmt: skip


def _agent(records: _Records, node: LineageNode, makers: list[str], author: str) -> None:
    agent = f"agent:{hash_bytes(author.encode('utf-8', 'surrogatepass')).hex[:16]}"
    person = {"$": "prov:Person", "type": "prov:QUALIFIED_NAME"}
    records.setdefault("agent", {})[agent] = {"prov:type": person, "prov:label": author}
    records.setdefault("wasAttributedTo", {})[f"_:attributed-{node.manifest.short}"] = {
        "prov:entity": _entity_id(node.manifest), "prov:agent": agent,
    }  # fmt: skip
    for maker in makers:
        records.setdefault("wasAssociatedWith", {})[f"_:associated-{_short(maker)}-{_short(agent)}"] = {
            "prov:activity": maker, "prov:agent": agent,
        }  # fmt: skip


def _derivation(records: _Records, edge: LineageEdge, makers: list[str], number: int) -> None:
    """A parent was used by what made the child, and the child was derived from it by the role's transformation."""
    if edge.role == "run":
        return
    for maker in makers:
        name = f"_:used-{_short(maker)}-{edge.parent.short}"
        records.setdefault("used", {})[name] = {"prov:activity": maker, "prov:entity": _entity_id(edge.parent)}
        records.setdefault("activity", {}).setdefault(maker, {})
    value: dict[str, Any] = {
        "prov:generatedEntity": _entity_id(edge.child),
        "prov:usedEntity": _entity_id(edge.parent),
        "prov:activity": makers[0],
        "prov:type": {"$": f"pacha:{edge.role}", "type": "prov:QUALIFIED_NAME"},
    }
    if edge.attributes:
        value["pacha:attributes"] = attributes_text(edge)
    records.setdefault("wasDerivedFrom", {})[f"_:derived-{number}"] = value


def _entity_id(id: ObjectId) -> str:
    return f"manifest:{id.hex}"


def _short(name: str) -> str:
    """The name of a record as a part of another's."""
    word, _, digits = name.partition(":")
    return f"{word}-{digits[:SHORT_DIGITS]}"
