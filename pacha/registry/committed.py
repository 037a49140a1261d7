"""The META that a commit of Git holds: its refs, and its objects by their links. Nothing is checked out.

What Git hands out was written by strangers: sizes are looked at before bytes are asked for, and the bytes go through
the same checks of id and form as those of a checkout.
"""

import contextlib
from collections.abc import Iterable, Iterator, Sequence

from pacha.base.errors import Absent, Corrupt, PachaError
from pacha.base.ids import ObjectId, hash_bytes
from pacha.objects.manifest import Manifest
from pacha.objects.types import Link, type_named
from pacha.refs.names import BadRefName, RefName
from pacha.refs.store import CONTENT_BYTES_MAX, BadRef, decode_ref
from pacha.registry.state import Fault, RefTable, fault_of
from pacha.repo.git import CommittedFile, Git
from pacha.repo.layout import FORMAT_BYTES_MAX, FORMAT_FILE, Format, decode_format
from pacha.store.meta import ENDING, SHARED, MetaAbsent, is_hex_id, meta_path, mismatch

#: So many blobs are asked for together: a bound on memory.
BLOBS_PER_QUESTION = 2_000
#: No question's blobs are larger together than this, unless one of them alone is.
BYTES_PER_QUESTION = 64 << 20


class CommittedMeta:
    """The `.pacha` folder of one commit. `shown` is what errors call the commit."""

    def __init__(self, git: Git, commit: str, folder: str) -> None:
        self._git = git
        self._shown = f"{commit[:12]}:{folder}"
        self._files = {file.path: file for file in git.files_at(commit, folder)}
        self._kept: dict[Link, bytes] = {}

    @property
    def is_empty(self) -> bool:
        """Tells whether the commit has no `.pacha` folder."""
        return not self._files

    def format(self) -> Format | None:
        """The commit's `format` file; None if there is none. Errors: `BadFormat`, `NewerFormat`."""
        file = self._files.get(FORMAT_FILE)
        if file is None or not file.is_regular or file.size > FORMAT_BYTES_MAX:
            return None
        return decode_format(self._read([file])[file.blob], path=f"{self._shown}/{FORMAT_FILE}")

    def table(self) -> RefTable:
        """All refs of the commit, and what is wrong with those that cannot be read."""
        links: dict[RefName, Link] = {}
        faults: list[Fault] = []
        files = [file for file in self._files.values() if file.path.startswith("refs/")]
        sound = [file for file in files if file.is_regular and file.size <= CONTENT_BYTES_MAX]
        contents = self._read(sound)
        for file in files:
            path = f"{self._shown}/{file.path}"
            try:
                name = RefName(file.path)
            except BadRefName:
                continue
            if file.blob not in contents or not file.is_regular:
                faults.append(Fault(ref=name.text, message=f"{path}: not a ref: a link, or too large"))
                continue
            try:
                links[name] = decode_ref(contents[file.blob], path=path)
            except BadRef as error:
                faults.append(fault_of(name.text, error))
        return RefTable(links=links, faults=tuple(faults))

    def manifests(self) -> Iterator[Manifest]:
        """Every sound manifest that the commit has a file of, whether any ref reaches it or not."""
        links = self._manifest_links()
        for start in range(0, len(links), BLOBS_PER_QUESTION):
            lot = [link for link in links[start : start + BLOBS_PER_QUESTION] if link not in self._kept]
            self.prefetch(lot)
            for link in links[start : start + BLOBS_PER_QUESTION]:
                with contextlib.suppress(Corrupt, Absent):
                    manifest = self.load(link)
                    assert isinstance(manifest, Manifest)
                    yield manifest
            for link in lot:
                self._kept.pop(link, None)

    def _manifest_links(self) -> list[Link]:
        found = []
        for path in self._files:
            parts = path.split("/")
            if parts[:2] == [SHARED, "manifest"] and len(parts) == 4 and path.endswith(ENDING):
                digits = parts[2] + parts[3].removesuffix(ENDING)
                if is_hex_id(digits):
                    found.append(Link("manifest", ObjectId.parse(digits)))
        return found

    def load(self, link: Link) -> object:
        """Returns an object as a value. Errors: `MetaAbsent`, `MetaMismatch`, `Corrupt`."""
        if link not in self._kept:
            self.prefetch([link])
        data = self._kept.get(link)
        path = f"{self._shown}/{meta_path(link)}"
        if data is None:
            file = self._files.get(meta_path(link))
            if file is None:
                raise MetaAbsent(link)
            raise Corrupt(f"{path}: a link, or too large for a {link.type}", path=path, object=str(link))
        if hash_bytes(data) != link.id:
            raise mismatch(link, path, data)
        try:
            return type_named(link.type).decode(data)
        except PachaError as error:
            raise Corrupt(f"{path}: {error.message}", path=path, object=str(link)) from error

    def prefetch(self, links: Iterable[Link]) -> None:
        """Reads objects that will be asked for, many in one question to Git."""
        wanted: dict[Link, CommittedFile] = {}
        for link in links:
            file = self._files.get(meta_path(link))
            if file is not None and link not in self._kept and file.is_regular:
                if file.size <= type_named(link.type).size_max:
                    wanted[link] = file
        contents = self._read(list(wanted.values()))
        self._kept.update((link, contents[file.blob]) for link, file in wanted.items())

    def _read(self, files: Sequence[CommittedFile]) -> dict[str, bytes]:
        """The contents of files by their Git blobs, in questions of bounded size."""
        contents: dict[str, bytes] = {}
        lot: dict[str, None] = {}
        total = 0
        for file in files:
            if file.blob in contents or file.blob in lot:
                continue
            if lot and (len(lot) >= BLOBS_PER_QUESTION or total + file.size > BYTES_PER_QUESTION):
                contents.update(self._git.read_blobs(list(lot)))
                lot, total = {}, 0
            lot[file.blob] = None
            total += file.size
        contents.update(self._git.read_blobs(list(lot)))
        return contents
