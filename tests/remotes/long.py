"""A remote with a long log: one model of a real project in production, and then so many pushes of others."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pacha.remotes.compact import is_due, write_down
from pacha.remotes.keys import CHECKPOINTS, DELTAS, FORMAT, LOG, index_key, pack_key
from pacha.remotes.log import read_state
from pacha.remotes.remote import Remote
from pacha.remotes.upload import HeldSource
from tests.remotes.histories import Model, push
from tests.remotes.places import Memory

COPIES_AT_ONCE = 8


def long_remote(run: Callable[..., Any], folder: Path, *, entries: int) -> Memory:
    """Makes it in memory. `run` is `pacha` in a project that has a model.bin; it pushes to a folder, once."""
    import random

    run("model", "register", "fraud", "model.bin", "-v", "1.0.0")
    run("model", "stage", "fraud", "-v", "1.0.0", "-t", "staging")
    run("model", "stage", "fraud", "-v", "1.0.0", "-t", "production")
    run("push", str(folder))
    memory = Memory()
    for path in folder.rglob("*"):
        if path.is_file():
            memory.values[str(path.relative_to(folder))] = path.read_bytes()
    shutil.rmtree(folder)
    state, model, coin = read_state(memory), Model(), random.Random(1)
    while state.number < entries:
        state = push(memory, state, model, coin, state.number + 1)
        if is_due(state.number):
            write_down(memory, state.number)
            state = read_state(memory)
    return memory


def copy(memory: Memory, remote: Remote) -> None:
    """Copies what readers can meet: the log and what was written down, and the packs that it lists in the end."""
    state = read_state(memory)
    named = {pack_key(id) for id in state.packs} | {index_key(id) for id in state.indexes}
    keys = [key for key in memory.values if key.startswith((LOG, CHECKPOINTS, DELTAS)) or key == FORMAT or key in named]
    with ThreadPoolExecutor(COPIES_AT_ONCE) as pool:
        list(pool.map(lambda key: remote.put(key, HeldSource(memory.values[key])), keys))
