"""`pacha reindex`: makes the index anew from refs and manifests. It is a cache: no answer changes, some come faster."""

from pacha.index.edges import Edges
from pacha.index.index import Rebuilt
from pacha.index.rows import read_rows
from pacha.porcelain.workspace import Workspace


def reindex(workspace: Workspace) -> Rebuilt:
    """Reads everything that the index remembers, and remembers it. What could not be read is in `damaged`."""
    rebuilt = workspace.index.rebuild()
    workspace.once(Edges).lineage()
    read_rows(workspace.index, workspace.repository)
    return rebuilt
