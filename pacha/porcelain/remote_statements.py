"""What a remote's attestations say, read when they are asked for."""

from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property

from pacha.base.errors import PachaError
from pacha.base.ids import ObjectId
from pacha.objects.types import Link
from pacha.remotes.holdings import Holdings
from pacha.remotes.meta import MetaReader


class RemoteStatements:
    """The attestations of one remote, by what they are about."""

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings

    def about(self, manifest: ObjectId) -> Iterator[bytes]:
        """The documents about a manifest; those that cannot be read are left out."""
        for link in self._links.get(manifest.hex, ()):
            with suppress(PachaError):
                data = self._reader.read(link)
                if data is not None:
                    yield data

    @cached_property
    def _reader(self) -> MetaReader:
        return MetaReader(self._holdings)

    @cached_property
    def _links(self) -> dict[str, list[Link]]:
        found: dict[str, list[Link]] = {}
        for ref, held in self._holdings.state.refs.items():
            if ref.namespace == "attestations" and held.link.type == "attestation":
                found.setdefault(ref.folder.rpartition("/")[2], []).append(held.link)
        return found
