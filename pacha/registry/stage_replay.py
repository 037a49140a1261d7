"""Settling a stage log that forked: one chain is kept, and the moves of the other sides follow it as new moves. Pure.

A three-way merge, in which the kept side has the last word. A replayed move names its old one, and keeps who, when and
why. It takes effect, from where its version now stands and displacing whoever now holds an exclusive stage, unless

1. another side has moved the same version since the fork;
2. its stage is exclusive and another side has moved something into or out of it since the fork;
3. its version no longer stands where the move took it from, and the rules lead from there not to its stage.

A move that takes no effect is written all the same, from and to where its version stands, so that nothing said is lost.
A yank always takes effect: what one side found broken stays out of use. A move that the kept chain has replayed already
is passed by, and a replay is the same document whoever makes it, so settling twice, or by two people, agrees.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pacha.base.ids import ObjectId, hash_bytes
from pacha.objects.move import Displaced, encode
from pacha.registry.stage_rules import StageRules
from pacha.registry.stages import DEVELOPMENT, YANKED, Entry, moved_by


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """An old move and the new one that stands for it. `obstacle` says why it takes no effect, None if it does."""

    old: Entry
    new: Entry
    obstacle: str | None


def origin(entry: Entry) -> ObjectId:
    """The move that was first made: itself, or the one that it replays."""
    return entry.move.replays or entry.id


def replay(kept: Sequence[Entry], lost: Sequence[Entry], rules: StageRules) -> list[Replayed]:
    """The new moves that follow a kept chain. `lost` are all moves of the other sides, in any order."""
    merge = _Merge(kept, lost, rules)
    done = []
    for entry in sorted(lost, key=lambda item: (item.move.number, item.move.when, item.id)):
        if not merge.holds(entry):
            done.append(merge.replay(entry))
    return done


class _Merge:
    """The chain so far. A side is known by its first move after the fork; the kept one is None."""

    def __init__(self, kept: Sequence[Entry], lost: Sequence[Entry], rules: StageRules) -> None:
        self._rules = rules
        self._side, self._fork = _sides(kept, lost)
        self._stage: dict[str, str] = {}
        #: Which side's entry touched a version or a stage last, by side.
        self._versions: dict[str, dict[ObjectId | None, int]] = {}
        self._stages: dict[str, dict[ObjectId | None, int]] = {}
        #: By origin, the entry of this chain that stands for it.
        self._origins: dict[ObjectId, ObjectId] = {}
        self._last: Entry | None = None
        for entry in kept:
            self._append(entry, self._side.get(origin(entry)))

    def holds(self, entry: Entry) -> bool:
        """Tells whether a move is in the chain already, itself or replayed."""
        return origin(entry) in self._origins

    def replay(self, entry: Entry) -> Replayed:
        old = entry.move
        version = str(old.version)
        here = self._stage.get(version, DEVELOPMENT)
        obstacle = self._obstacle(entry, here)
        to = here if obstacle is not None else old.to_stage
        rolls_back = None if old.rolls_back is None else self._origins.get(old.rolls_back, old.rolls_back)
        number = 1 if self._last is None else self._last.move.number + 1
        new = replace(
            old,
            from_stage=here,
            to_stage=to,
            number=number,
            prev=None if self._last is None else self._last.id,
            displaced=() if to == here else self._displaced(entry, to),
            replays=origin(entry),
            rolls_back=rolls_back,
        )
        made = Entry(id=hash_bytes(encode(new)), move=new)
        self._append(made, self._side[entry.id])
        return Replayed(old=entry, new=made, obstacle=obstacle)

    def _obstacle(self, entry: Entry, here: str) -> str | None:
        move = entry.move
        if move.to_stage == YANKED:
            return None
        if here == move.to_stage:
            return f"{move.version} is in {here} already"
        if self._is_touched(self._versions, str(move.version), entry):
            return f"{move.version} was moved on the side that is kept, and is in {here}"
        if move.to_stage in self._rules.exclusive and self._is_touched(self._stages, move.to_stage, entry):
            return f"{move.to_stage} changed hands on the side that is kept; {move.version} stays in {here}"
        if here != move.from_stage and move.to_stage not in self._rules.allowed(here):
            return f"{move.version} is in {here}, and no step leads from there to {move.to_stage}"
        return None

    def _displaced(self, entry: Entry, to: str) -> tuple[Displaced, ...]:
        own = str(entry.move.version)
        if to in self._rules.exclusive:
            place = self._rules.gives_way_to(to)
            holders = sorted(version for version, stage in self._stage.items() if stage == to and version != own)
            return tuple(Displaced(version=type(entry.move.version).parse(held), to_stage=place) for held in holders)
        return tuple(
            item
            for item in entry.move.displaced
            if self._stage.get(str(item.version)) == to
            and not self._is_touched(self._versions, str(item.version), entry)
        )

    def _is_touched(self, table: Mapping[str, Mapping[ObjectId | None, int]], key: str, entry: Entry) -> bool:
        own = self._side[entry.id]
        return any(number > self._fork[own] for side, number in table.get(key, {}).items() if side != own)

    def _append(self, entry: Entry, side: ObjectId | None) -> None:
        for version, stage in moved_by(entry.move):
            before = self._stage.get(version, DEVELOPMENT)
            if before == stage:
                continue
            self._stage[version] = stage
            self._versions.setdefault(version, {})[side] = entry.move.number
            for name in (before, stage):
                self._stages.setdefault(name, {})[side] = entry.move.number
        self._origins[origin(entry)] = entry.id
        self._origins[entry.id] = entry.id
        self._last = entry


def _sides(kept: Sequence[Entry], lost: Sequence[Entry]) -> tuple[dict[ObjectId, ObjectId], dict[ObjectId, int]]:
    """For each lost move (and its origin) its side, and for each side the number of the last entry before its fork."""
    numbers = {entry.id: entry.move.number for entry in kept}
    side: dict[ObjectId, ObjectId] = {}
    fork: dict[ObjectId, int] = {}
    for entry in sorted(lost, key=lambda item: item.move.number):
        before = entry.move.prev
        first = side.get(before, entry.id) if before is not None else entry.id
        side[entry.id] = first
        if first == entry.id:
            fork[first] = numbers.get(before, 0) if before is not None else 0
    for entry in lost:
        if origin(entry) not in numbers:
            side.setdefault(origin(entry), side[entry.id])
    return side, fork
