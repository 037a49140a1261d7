"""Prints the shell blocks of a README, so that CI can run them as a new user would."""

import re
import sys
from pathlib import Path


def shell_blocks(text: str) -> list[str]:
    """The blocks that are marked as shell."""
    return re.findall(r"^```sh\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


if __name__ == "__main__":
    sys.stdout.write("".join(shell_blocks(Path(sys.argv[1]).read_text("utf-8"))))
