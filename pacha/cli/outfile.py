"""Writing an answer into a file that the person named."""

from pacha.base.files import naming


def write_file(path: str, data: bytes, *, shown: str) -> None:
    """Writes a file over whatever lies there. `shown` is what errors call it. Errors: `MachineFailed`."""
    with naming(shown), open(path, "wb") as file:
        file.write(data)
