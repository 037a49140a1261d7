"""A whole artifact as it was last seen: where no file's state differs, one comparison tells what it holds.

What every single file held is for the stat cache to say (`pacha.worktree.statcache`); this rests on it, and is written
only where that vouches for each file. Damaged or missing means unknown; nothing is ever wrong, only slower.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pacha.base.canonical import decode_compact, encode_compact
from pacha.base.errors import PachaError
from pacha.base.files import NoSuchFile, Root
from pacha.base.ids import ObjectId, hash_bytes
from pacha.base.names import ArtifactName
from pacha.worktree.scan import Scan

FOLDER = "local/whole"
#: An artifact of more trees or packs than this is looked at file by file.
IDS_MAX = 10_000
#: 67 bytes for each id, and a little.
BYTES_MAX = 1 << 21


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """What an artifact held. `listing` stands for the path and state of every file.

    `tree` is None where nobody stored it; else `trees` are all of its trees, and they and what they name lie in `packs`.
    """

    listing: ObjectId
    digest: ObjectId
    tree: ObjectId | None = None
    trees: tuple[ObjectId, ...] = ()
    packs: tuple[ObjectId, ...] = ()


def listing_of(there: Scan) -> ObjectId:
    """Stands for the path, state and mode of every file: the same only if none of them differs.

    No name holds a zero byte, so no two listings are the same bytes.
    """
    states = repr([file[2:] for file in there.files])
    paths = "\0".join([file.path for file in there.files])
    return hash_bytes(f"{there.shape}\0{states}\0{paths}".encode("utf-8", "surrogatepass"))


def save_whole(root: Root, artifact: ArtifactName, whole: Whole) -> None:
    """Writes what an artifact holds; not flushed, since nothing depends on it. All its files must be vouched for."""
    if max(len(whole.trees), len(whole.packs)) > IDS_MAX:
        whole = Whole(listing=whole.listing, digest=whole.digest)
    body = encode_compact(
        {
            "listing": whole.listing.hex,
            "digest": whole.digest.hex,
            "tree": None if whole.tree is None else whole.tree.hex,
            "trees": _texts(whole.trees),
            "packs": _texts(whole.packs),
        }
    )
    root.replace(f"{FOLDER}/{artifact}", hash_bytes(body).hex.encode("ascii") + b"\n" + body, durable=False)


def load_whole(root: Root, artifact: ArtifactName) -> Whole | None:
    """Reads what an artifact held; None where that is unknown."""
    try:
        data = root.read(f"{FOLDER}/{artifact}", size_max=BYTES_MAX)
        checksum, _, body = data.partition(b"\n")
        if hash_bytes(body).hex.encode("ascii") != checksum:
            return None
        value = decode_compact(body)
        if not isinstance(value, dict):
            return None
        return Whole(
            listing=ObjectId.parse(value["listing"]),
            digest=ObjectId.parse(value["digest"]),
            tree=None if value["tree"] is None else ObjectId.parse(value["tree"]),
            trees=_ids(value["trees"]),
            packs=_ids(value["packs"]),
        )
    except (NoSuchFile, PachaError, KeyError, TypeError):
        return None


def _texts(ids: Iterable[ObjectId]) -> list[str]:
    return [id.hex for id in ids]


def _ids(value: list[str]) -> tuple[ObjectId, ...]:
    return tuple(ObjectId.parse(text) for text in value)
