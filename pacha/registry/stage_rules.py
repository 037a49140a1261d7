"""The rules of stages: which there are, from which to which a version may go, and which hold one version at a time.

Built in, or written in the project's own `config.toml`, where they are data: nothing there runs, and every word of it
is checked. `yanked` belongs to no set of rules: any version may be yanked, and a yanked one leads to development only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from pacha.base.errors import Negative, Usage
from pacha.base.names import BadStageName, check_stage_name
from pacha.registry.stages import DEVELOPMENT, PRODUCTION, YANKED

#: More stages than this are not a way from a desk to production.
STAGES_MAX = 32
ALIASES_MAX = 64
SECTION = "stages"
_KEYS = ("names", "transitions", "exclusive", "aliases", "reasons")
_TRANSITIONS = {
    DEVELOPMENT: ("staging", "archived"),
    "staging": (DEVELOPMENT, PRODUCTION, "archived"),
    PRODUCTION: ("staging", "archived"),
    "archived": (DEVELOPMENT,),
}
_ALIASES = {"dev": DEVELOPMENT, "stage": "staging", "prod": PRODUCTION, "archive": "archived"}


class BadStageRules(Usage):
    """The stages that the project's settings describe do not make sense."""


class NoSuchStage(Usage):
    """A word is no stage of this project."""


class InvalidTransition(Negative):
    """The rules lead from the one stage not to the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRules:
    """The rules of one project. `reasons` are the stages that nothing enters or leaves without a reason."""

    stages: tuple[str, ...]
    transitions: Mapping[str, tuple[str, ...]]
    exclusive: frozenset[str]
    aliases: Mapping[str, str]
    reasons: frozenset[str] = frozenset()

    def find(self, text: str) -> str | None:
        """The stage that a word means, in any case; None if it means none. `yanked` is one."""
        word = text.lower()
        word = self.aliases.get(word, word)
        return word if word in self.stages or word == YANKED else None

    def stage(self, text: str) -> str:
        """The stage that a word means. Errors: `NoSuchStage`."""
        found = self.find(text)
        if found is None:
            # Only a mistake needs it.
            import difflib

            near = difflib.get_close_matches(text.lower(), [*self.stages, *self.aliases], n=1)
            guess = f"did you mean {near[0]}? " if near else ""
            raise NoSuchStage(
                f"no such stage: {text[:40]!r}", hint=f"{guess}stages are {', '.join(self.stages)}", stage=text[:40]
            )
        return found

    def allowed(self, stage: str) -> tuple[str, ...]:
        """Where a version may go from a stage; from one that the rules no longer know, to development."""
        return self.transitions.get(stage, (DEVELOPMENT,))

    def check(self, before: str, after: str) -> None:
        """Refuses a step that the rules do not have. Yanking is always one. Errors: `InvalidTransition`."""
        if after == YANKED or after in self.allowed(before):
            return
        ways = ", ".join(self.allowed(before)) or "nowhere"
        raise InvalidTransition(
            f"invalid stage transition from {before} to {after}",
            hint=f"from {before} a version may go to: {ways}",
            before=before,
            after=after,
            allowed=list(self.allowed(before)),
        )

    def gives_way_to(self, stage: str) -> str:
        """Where the holder of an exclusive stage goes: the first way out of it that leads back in one step.

        Never another exclusive stage, which somebody may hold.
        """
        return next(other for other in self.allowed(stage) if self._is_way_back(stage, other))

    def has_way_back(self, stage: str) -> bool:
        """Tells whether the holder of a stage could give way and be brought back."""
        return any(self._is_way_back(stage, other) for other in self.allowed(stage))

    def _is_way_back(self, stage: str, other: str) -> bool:
        return other not in self.exclusive and stage in self.allowed(other)


def _rules(
    stages: tuple[str, ...],
    transitions: Mapping[str, tuple[str, ...]],
    exclusive: frozenset[str],
    aliases: Mapping[str, str],
    reasons: frozenset[str],
) -> StageRules:
    return StageRules(
        stages=stages,
        transitions=MappingProxyType(dict(transitions)),
        exclusive=exclusive,
        aliases=MappingProxyType(dict(aliases)),
        reasons=reasons,
    )


BUILT_IN = _rules(tuple(_TRANSITIONS), _TRANSITIONS, frozenset({PRODUCTION}), _ALIASES, frozenset())


def read_stage_rules(section: Mapping[str, object] | None, *, place: str) -> StageRules:
    """The rules that a `[stages]` section describes; the built-in ones without it. Errors: `BadStageRules`.

    What the section leaves out is as built in, as far as it is about stages that there are.
    """
    if section is None:
        return BUILT_IN
    reader = _Reader(place)
    unknown = sorted(set(section) - set(_KEYS))
    if unknown:
        raise reader.error(unknown[0], f"no such key; there are {', '.join(_KEYS)}")
    stages = reader.stages(section)
    usual = [PRODUCTION] if PRODUCTION in stages else []
    rules = _rules(
        stages,
        reader.transitions(section, stages),
        frozenset(reader.some(section, "exclusive", stages, usual)),
        reader.aliases(section, stages),
        frozenset(reader.some(section, "reasons", stages, [])),
    )
    reader.check(rules)
    return rules


class _Reader:
    """Reads the members of the section, and says of each what is wrong with it and where that stands."""

    def __init__(self, place: str) -> None:
        self._place = place

    def error(self, key: str, text: str) -> BadStageRules:
        return BadStageRules(
            f"{self._place}: {SECTION}.{key}: {text}"[:400],
            hint="docs/stages.md has an example; `pacha config list` shows what is set",
            path=self._place,
            key=f"{SECTION}.{key}",
        )

    def stages(self, section: Mapping[str, object]) -> tuple[str, ...]:
        names = self._words(section.get("names", list(_TRANSITIONS)), "names", STAGES_MAX)
        for name in names:
            if name == YANKED:
                raise self.error("names", f"{YANKED!r} is there without being listed")
            try:
                check_stage_name(name)
            except BadStageName as error:
                raise self.error("names", f"{error.message}; {error.hint}") from error
        if DEVELOPMENT not in names:
            raise self.error("names", f"{DEVELOPMENT!r} must be among them: every new version is there")
        return names

    def transitions(self, section: Mapping[str, object], stages: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        given = self._table(section, "transitions")
        self._known("transitions", given, stages)
        found = {}
        for stage in stages:
            key = f"transitions.{stage}"
            if stage in given:
                found[stage] = self._words(given[stage], key, STAGES_MAX)
                self._known(key, found[stage], stages)
            elif stage in _TRANSITIONS:
                found[stage] = tuple(other for other in _TRANSITIONS[stage] if other in stages)
            else:
                raise self.error("transitions", f"say where {stage!r} leads, as {stage} = [{DEVELOPMENT!r}]")
            if stage in found[stage]:
                raise self.error(key, "a stage does not lead to itself")
        return found

    def some(
        self, section: Mapping[str, object], key: str, stages: tuple[str, ...], usual: Sequence[str]
    ) -> tuple[str, ...]:
        found = self._words(section.get(key, list(usual)), key, STAGES_MAX)
        self._known(key, found, stages)
        return found

    def aliases(self, section: Mapping[str, object], stages: tuple[str, ...]) -> dict[str, str]:
        found = {alias: stage for alias, stage in _ALIASES.items() if stage in stages and alias not in stages}
        given = self._table(section, "aliases")
        if len(given) > ALIASES_MAX:
            raise self.error("aliases", f"more than {ALIASES_MAX}")
        for alias, stage in given.items():
            key = f"aliases.{alias[:40]}"
            try:
                check_stage_name(alias)
            except BadStageName as error:
                raise self.error(key, f"{error.message}; {error.hint}") from error
            if alias in stages or alias == YANKED:
                raise self.error(key, "this is a stage itself")
            if not isinstance(stage, str):
                raise self.error(key, "must be the name of a stage")
            self._known(key, [stage], stages)
            found[alias] = stage
        return found

    def check(self, rules: StageRules) -> None:
        """What only shows in the whole: a stage that nothing leads to, an exclusive one without a way back."""
        reached = {DEVELOPMENT, *(other for ways in rules.transitions.values() for other in ways)}
        for stage in rules.stages:
            if stage not in reached:
                raise self.error("transitions", f"nothing leads to {stage!r}")
        for stage in sorted(rules.exclusive):
            if stage == DEVELOPMENT:
                raise self.error("exclusive", f"{DEVELOPMENT!r} cannot be: every new version is there")
            if not rules.has_way_back(stage):
                raise self.error(
                    "exclusive", f"from {stage!r} no step leads to a stage for several versions and one step back"
                )

    def _known(self, key: str, words: Sequence[str] | Mapping[str, object], stages: tuple[str, ...]) -> None:
        for word in words:
            if word not in stages:
                raise self.error(key, f"no such stage: {word[:40]!r}; there are {', '.join(stages)}")

    def _words(self, value: object, key: str, most: int) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise self.error(key, "must be a list of names")
        if len(value) > most:
            raise self.error(key, f"more than {most}")
        if len(set(value)) < len(value):
            raise self.error(key, "names a stage twice")
        return tuple(value)

    def _table(self, section: Mapping[str, object], key: str) -> Mapping[str, object]:
        value = section.get(key, {})
        if not isinstance(value, dict):
            raise self.error(key, f"must be a table: [{SECTION}.{key}]")
        return value
