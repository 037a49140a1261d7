"""Blob: bytes, and nothing else. Its id is what `b3sum` prints for them."""

from pacha.objects.types import ObjectType, Storage

#: A record of a pack holds a blob whole; larger files are cut into chunklists.
BLOB_BYTES_MAX = 64 << 20

TYPE = ObjectType(
    name="blob",
    storage=Storage.DATA,
    size_max=BLOB_BYTES_MAX,
    encode=bytes,
    decode=bytes,
    references=lambda value: (),
    is_leaf=True,
)
