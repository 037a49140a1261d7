"""`python -m tests.benchmarks.storage`: the process that measures holds nothing else, so that peaks are its children's own."""

import sys

from tests.benchmarks.storage.command import main

sys.exit(main(sys.argv[1:]))
