"""Where the bytes go, as tables: for `pacha stats --storage`."""

from collections.abc import Iterable, Sequence

from pacha.cli.app import App
from pacha.cli.changes_rows import cut
from pacha.cli.render import Piece, Styled, count_text, size_text
from pacha.porcelain.freeable import Freeable
from pacha.porcelain.storage import ArtifactStorage, Storage

#: A longer name would push the other columns off the screen; kind and name have up to 71 characters.
NAME_MAX = 40
BAR_WIDTH = 20
#: What a part is, in words.
_PARTS = {
    "artifacts": "named by artifacts here",
    "elsewhere": "named only in Git's history, other branches and work trees",
    "bases": "only bases of differences",
    "copies": "repeated copies",
    "unused": "named by nothing",
    "framing": "framing of packs",
    "damaged": "damaged packs",
    "indexes": "indexes of packs",
    "trash": "trash",
    "documents": "documents (META)",
    "refs": "refs",
    "local": "local state",
    "settings": "settings",
}


def print_storage(app: App, found: Storage, *, limit: int | None) -> None:
    """Prints everything for people, the largest artifacts first; `limit` is how many of them."""
    for note in found.notes:
        app.output.note(note)
    app.output.page()
    app.output.line(
        Styled(size_text(found.disk_bytes), "bold"),
        f" on disk for {size_text(found.committed_bytes)} of committed files: "
        f"{size_text(found.plain_bytes)} without repetition, {size_text(found.stored_bytes)} stored "
        f"({ratio_text(found.ratio)} of it)",
    )
    parts = [part for part in found.parts if part.size]
    _table(app, ("disk",), [([_PARTS[part.name]], part.size) for part in parts], of=found.disk_bytes)
    rows = found.artifacts if limit is None else found.artifacts[:limit]
    if rows:
        _artifacts(app, found, rows)
    _encodings(app, found)
    if len(rows) < len(found.artifacts):
        app.output.hint(f"{len(rows)} of {count_text(len(found.artifacts), 'artifact')}; --all shows the others")
    _hints(app, found)


def _artifacts(app: App, found: Storage, rows: Sequence[ArtifactStorage]) -> None:
    _table(
        app,
        ("artifact", "versions", "plain", "only its own", "shared"),
        [
            (
                [
                    Styled(cut(str(row.artifact), NAME_MAX), "cyan"), str(row.versions), size_text(row.plain_bytes),
                    size_text(row.own_bytes), size_text(row.shared_bytes),
                ],
                row.own_bytes + row.shared_bytes,
            )
            for row in rows
        ],
        of=max(1, sum(part.size for part in found.parts if part.name == "artifacts")),
        after=[_sharing(row) for row in rows],
        last="shared with",
    )  # fmt: skip


def _encodings(app: App, found: Storage) -> None:
    if not found.codecs:
        return
    codecs = [(row.codec, row.records, row.plain_bytes, row.ratio, row.stored_bytes) for row in found.codecs]
    depths = [
        (_depth_text(row.depth), row.records, row.plain_bytes, row.ratio, row.stored_bytes) for row in found.depths
    ]
    of = max(1, sum(row.stored_bytes for row in found.codecs))
    for name, each in (("codec", codecs), ("differences", depths)):
        _table(
            app,
            (name, "records", "plain", "ratio"),
            [
                ([label, str(records), size_text(plain), ratio_text(ratio)], stored)
                for label, records, plain, ratio, stored in each
            ],
            of=of,
        )


def _table(
    app: App, names: Sequence[str], rows: Iterable[tuple[list[Piece], int]], *, of: int, after: Sequence[str] = (),
    last: str = "",
) -> None:  # fmt: skip
    """One table: cells, stored bytes, their share with a bar, and a last cell."""
    bar = "█" if app.output.has_color else "#"
    lines = []
    for at, (cells, size) in enumerate(rows):
        share = size / of
        filled = bar * round(BAR_WIDTH * min(1.0, share))
        lines.append([*cells, size_text(size), f"{100 * share:.0f} %", Styled(filled, "blue"), *after[at : at + 1]])
    app.output.line("")
    app.output.table(lines, header=(*names, "stored", "", "", last) if after else (*names, "stored"))


def _sharing(row: ArtifactStorage) -> str:
    others = ", ".join(cut(str(other), NAME_MAX) for other in row.shared_with)
    if row.is_shared_widely:
        return f"{others} and many others" if others else "many others"
    return others


def _depth_text(depth: int | None) -> str:
    if depth is None:
        return "base missing"
    return "whole" if depth == 0 else f"{depth} from whole"


def _hints(app: App, found: Storage) -> None:
    if found.gc is not None:
        text = freeable_text(found.gc)
        if text:
            app.output.hint(f"`pacha gc --dry-run`: {text}")
    unused = sum(part.size for part in found.parts if part.name == "unused")
    if unused and found.gc is not None and not found.gc.trashed_bytes:
        app.output.hint(
            f"{size_text(unused)} are named by nothing; `pacha gc` takes them once their packs are older than "
            f"{count_text(found.gc.grace_days, 'day')} and a quarter of each is unused"
        )
    if found.stored_bytes:
        app.output.hint("`pacha repack --dry-run` prices storing packs anew")


def freeable_text(free: Freeable) -> str:
    """What a gc would do now, in one line; empty where there is nothing."""
    said = [
        f"{size_text(size)} {what}"
        for size, what in (
            (free.trashed_bytes, f"would go to the trash, and be deleted {count_text(free.grace_days, 'day')} later"),
            (free.deleted_bytes, "would be deleted now"),
            (free.waiting_bytes, "wait in the trash"),
        )
        if size
    ]
    return ", ".join(said)


def ratio_text(ratio: float | None) -> str:
    """Stored ÷ plain for people.

    >>> ratio_text(0.5), ratio_text(None)
    ('50.0 %', '-')
    """
    return "-" if ratio is None else f"{100 * ratio:.1f} %"
