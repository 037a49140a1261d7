"""`python -m pacha`: the command, without the current folder on the import path."""

import os
import sys

# A file named like a module, lying where the user stands, must never be imported.
sys.path[:] = [path for path in sys.path if path not in ("", os.getcwd())] or sys.path

from pacha.cli.main import main  # noqa: E402

sys.exit(main())
