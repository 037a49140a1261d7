"""Storing an artifact, and what is remembered of it: first of the whole, then of each file, last its bytes."""

from dataclasses import dataclass

from pacha.base.files import Root
from pacha.base.names import ArtifactName
from pacha.objects.manifest import FILES_MAX
from pacha.store.packwriter import PackReceipt, PackWriter
from pacha.worktree.drafts import Content
from pacha.worktree.ingest import Ingest, Ingested
from pacha.worktree.scan import Scan
from pacha.worktree.statcache import StatCache, load_stat_cache
from pacha.worktree.whole import Whole, listing_of, load_whole, save_whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An artifact that was stored file by file, with what is to be remembered once its pack is durable."""

    artifact: ArtifactName
    there: Scan
    cache: StatCache
    ingested: Ingested

    @property
    def content(self) -> Content:
        """What was stored."""
        return self.ingested.content

    def remember(self, root: Root, receipt: PackReceipt) -> None:
        """Writes what each file held; and of the whole, where that can be said of every one of them."""
        self.cache.save(root, self.artifact)
        if self.cache.vouches(self.there.files):
            whole = Whole(
                listing=listing_of(self.there),
                digest=self.content.digest,
                tree=self.content.tree,
                trees=self.ingested.trees,
                packs=tuple(sorted({*receipt.packs, *receipt.reused})),
            )
            save_whole(root, self.artifact, whole)


def store(root: Root, reader: Ingest, artifact: ArtifactName, there: Scan) -> Stored:
    """Stores what cannot be vouched for. Errors: `ChangedWhileRead`, `MachineFailed`."""
    cache = load_stat_cache(root, artifact)
    ingested = reader.artifact(there, cache=cache, read_at_ns=root.clock_ns())
    return Stored(artifact=artifact, there=there, cache=cache, ingested=ingested)


def known_content(root: Root, writer: PackWriter, artifact: ArtifactName, there: Scan) -> Content | None:
    """What an artifact of many files holds, if no file differs and all of it is stored; else None."""
    if len(there.files) <= FILES_MAX:
        # A manifest lists so few files one by one, and looking at them costs nothing.
        return None
    whole = load_whole(root, artifact)
    if whole is None or whole.tree is None or whole.listing != listing_of(there):
        return None
    if not writer.relies_on(whole.packs, whole.trees):
        return None
    return Content(tree=whole.tree, digest=whole.digest, size=there.size, shape=there.shape, files=None)
