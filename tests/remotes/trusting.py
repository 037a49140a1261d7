"""`pacha` whose server believes what it is sent, to show that what carries bytes keeps the contract of remotes.

The real one takes packs, indexes and entries alone, and those only when they hold true: tests/server shows that.
"""

import sys

from pacha.base.files import NewFile
from pacha.base.ids import ObjectId
from pacha.cli.entry import run
from pacha.remotes.keys import FORMAT, index_key, log_key, pack_key
from pacha.server import service
from pacha.server.depot import Depot
from pacha.server.tokens import Caller


class Trusting(Depot):
    """A depot that looks at nothing."""

    def put_pack(self, id: ObjectId, file: NewFile) -> None:
        self._place(file, pack_key(id))

    def put_index(self, id: ObjectId, file: NewFile) -> None:
        self._place(file, index_key(id))

    def put_format(self, file: NewFile) -> bool:
        return self._create(FORMAT, self.root.read(file.path, size_max=self.limits.format_bytes))

    def put_entry(self, number: int, file: NewFile, caller: Caller) -> bool:
        return self._create(log_key(number), self.root.read(file.path, size_max=self.limits.entry_bytes))

    def write_down(self, number: int) -> None:
        pass


if __name__ == "__main__":
    service.Depot = Trusting  # type: ignore[misc]
    sys.exit(run(sys.argv[1:]))
