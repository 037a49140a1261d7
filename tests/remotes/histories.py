"""Histories of a remote's log, made without a repository: pushes of refs, and of META packs that hold what they name."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from pacha.base.ids import ObjectId, hash_bytes
from pacha.base.names import ArtifactName
from pacha.base.progress import Silent
from pacha.base.semver import Version
from pacha.objects import tag as tags
from pacha.objects.tag import Tag
from pacha.objects.types import Link
from pacha.refs.names import RefName, head_ref, version_ref
from pacha.remotes.compact import is_due, write_down
from pacha.remotes.entries import Update
from pacha.remotes.log import append
from pacha.remotes.remote import Remote
from pacha.remotes.sending import cut, made
from pacha.remotes.state import EMPTY, State
from pacha.remotes.upload import Cargo, bring, next_entry
from pacha.store.codec.zstd import ZstdCodec

TIME = "2026-03-03T12:00:00Z"
ARTIFACTS = [ArtifactName("model", name) for name in ("alpha", "beta")]


@dataclass
class Model:
    """What must be on the remote: refs, and the bytes of META objects."""

    refs: dict[RefName, Link] = field(default_factory=dict)
    objects: dict[Link, bytes] = field(default_factory=dict)


def manifest_like(number: int) -> bytes:
    """Bytes that stand for a manifest: only their id matters to a log."""
    return b'{"type":"manifest","number":%d}' % number


def object_of(number: int) -> tuple[Link, bytes]:
    """A version's tag."""
    data = tags.encode(
        Tag(artifact=ARTIFACTS[number % 2], version=Version(number, 0, 0), manifest=hash_bytes(manifest_like(number)))
    )
    return Link("tag", hash_bytes(data)), data


def push(remote: Remote, state: State, model: Model, coin: random.Random, number: int) -> State:
    """One push: a version, a head in the place of the one before, now and then another removed, and its META."""
    artifact = ARTIFACTS[number % 2]
    link, data = object_of(number)
    version = version_ref(artifact, Version(number, 0, 0))
    body = data if coin.random() < 0.8 else None
    updates = [Update(ref=version, new=link, body=body)]
    head = Link("manifest", hash_bytes(manifest_like(number)))
    updates.append(Update(ref=head_ref(artifact, head.id), new=head))
    for ref in [each for each in model.refs if each.namespace == "heads" and coin.random() < 0.5]:
        updates.append(Update(ref=ref, old=model.refs[ref]))
    brought = bring(remote, Cargo(meta=tuple(cut([made(ZstdCodec(), "tag", link.id, data)]))), Silent())
    entry = next_entry(state, updates=updates, brought=brought, writer="Ada <ada@example.org>", time=TIME)
    after = append(remote, state, entry)
    assert after is not None
    for update in updates:
        if update.new is None:
            del model.refs[update.ref]
        else:
            model.refs[update.ref] = update.new
    model.objects[link] = data
    return after


def history(remote: Remote, count: int, *, seed: int = 1, writes_down: bool = True) -> tuple[State, Model]:
    """So many pushes, with what is due written down after each."""
    state, model, coin = EMPTY, Model(), random.Random(seed)
    for number in range(1, count + 1):
        state = push(remote, state, model, coin, number)
        if writes_down and is_due(number):
            write_down(remote, number)
    return state, model


def ids(model: Model) -> Iterator[ObjectId]:
    """The ids of all objects."""
    return (link.id for link in model.objects)
