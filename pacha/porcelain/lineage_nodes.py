"""The nodes of lineage for people: what each commit is called, and whether anything leads to it."""

from dataclasses import dataclass

from pacha.base.errors import Absent, Corrupt
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.graph.lineage import Lineage, Node, NodeState, NotInLineage
from pacha.porcelain.labels import Label, Labels, labels_of
from pacha.porcelain.workspace import Workspace
from pacha.refs.names import heads_folder

#: So many digits tell commits apart for people.
NAME_DIGITS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageNode:
    """One commit. `name` is its highest version, else its artifact and the first digits of its manifest.

    `hidden_parents` and `hidden_children` count what was left out there because of a depth.
    """

    name: str
    manifest: ObjectId
    artifact: ArtifactName | None
    labels: tuple[Label, ...]
    created: str | None
    state: NodeState
    problem: str | None
    hidden_parents: int = 0
    hidden_children: int = 0


class Names:
    """What people call commits: versions, stages and heads of each artifact, read once for an answer."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._labels: dict[ArtifactName, Labels | None] = {}
        self._heads: dict[ArtifactName, set[str]] = {}
        self._notes: dict[str, None] = {}

    def notes(self) -> tuple[str, ...]:
        """What could not be read, each once."""
        return tuple(self._notes)

    def labels(self, artifact: ArtifactName) -> Labels | None:
        """Versions and stages; None where they are damaged."""
        if artifact not in self._labels:
            try:
                found: Labels | None = labels_of(self._workspace, artifact)
            except (Absent, Corrupt) as error:
                found = None
                self._notes[error.message] = None
            if found is not None and found.note is not None:
                self._notes[found.note] = None
            self._labels[artifact] = found
        return self._labels[artifact]

    def of(self, node: Node) -> tuple[Label, ...]:
        """The versions of a commit, lowest first."""
        labels = None if node.artifact is None else self.labels(node.artifact)
        return () if labels is None else labels.of(node.id)

    def is_published(self, node: Node) -> bool:
        """Tells whether a head or a version names a commit. Runs, and what cannot be told, count as named."""
        artifact = node.artifact
        if artifact is None or artifact.kind == "run" or self.labels(artifact) is None or self.of(node):
            return True
        if artifact not in self._heads:
            refs = self._workspace.repository.refs
            self._heads[artifact] = {name.last for name in refs.names(heads_folder(artifact))}
        return node.id.hex in self._heads[artifact]

    def node(self, graph: Lineage, id: ObjectId, *, hidden_parents: int = 0, hidden_children: int = 0) -> LineageNode:
        """A node of an answer."""
        found = graph.find_node(id)
        if found is None:
            raise NotInLineage(id)
        labels = self.of(found)
        return LineageNode(
            name=_name(found, labels), manifest=id, artifact=found.artifact, labels=labels, created=found.created,
            state=found.state, problem=found.problem, hidden_parents=hidden_parents, hidden_children=hidden_children,
        )  # fmt: skip


def _name(node: Node, labels: tuple[Label, ...]) -> str:
    if node.artifact is None:
        return f"manifest:{node.id.hex[:NAME_DIGITS]}"
    return f"{node.artifact}:{labels[-1].version}" if labels else f"{node.artifact}@b3:{node.id.hex[:NAME_DIGITS]}"
