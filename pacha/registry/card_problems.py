"""What is wrong with a card: every problem with its place, collected before anything is raised."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pacha.base.errors import Usage

#: Beyond this many, nobody reads on; what comes after is counted.
PROBLEMS_MAX = 100
#: How much of a wrong value an error shows.
SHOWN_MAX = 60
#: How many problems after the first one a hint lists.
HINT_MAX = 5

_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong: `where` is the dotted path of the member, empty for the card itself."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class BadCard(Usage):
    """A card, datasheet or recipe is not one; `problems` are all that were found, the first is the message."""

    usual_hint = "correct that and run the command again; docs/cards.md tells what a card may hold"

    def __init__(self, name: str, problems: tuple[Problem, ...], *, hint: str | None = None) -> None:
        first, *rest = problems
        listed = "; ".join(map(str, rest[:HINT_MAX])) + (f"; and {len(rest) - HINT_MAX} more" * (len(rest) > HINT_MAX))
        super().__init__(
            f"{name}: {first}",
            hint=f"also wrong: {listed}" if rest else hint,
            path=name,
            problems=[str(problem) for problem in problems],
        )
        self.problems = problems


@dataclass(slots=True)
class Problems:
    """Collects the problems of one card."""

    found: list[Problem] = field(default_factory=list)

    def check(self, name: str) -> None:
        """Raises what was found. Errors: `BadCard`."""
        if self.found:
            raise BadCard(name, tuple(self.found))


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a card a reader is. `is_stored`: a later version may have written it, so nothing in it is unknown."""

    problems: Problems
    path: tuple[str | int, ...] = ()
    is_stored: bool = False

    def at(self, part: str | int) -> "Place":
        """The place of a member, or of an item of a list."""
        return Place(self.problems, (*self.path, part), self.is_stored)

    @property
    def where(self) -> str:
        """The dotted path.

        >>> Place(Problems(), ("features", "a b", "steps", 0)).where
        'features."a b".steps[0]'
        """
        out = ""
        for part in self.path:
            if isinstance(part, int):
                out += f"[{part}]"
            else:
                out += ("." if out else "") + (part if _BARE.fullmatch(part) else f'"{shown(part)[1:-1]}"')
        return out

    def wrong(self, message: str) -> None:
        """Notes a problem here."""
        if len(self.problems.found) < PROBLEMS_MAX:
            self.problems.found.append(Problem(where=self.where, message=message))

    def expected(self, word: str, value: object) -> None:
        """Notes that a value is not what it should be."""
        self.wrong(f"{word}, not {shown(value)}")


def shown(value: object) -> str:
    """A value in an error: short, on one line, without control characters."""
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, (list, tuple)):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() > 256:
        return "a number of so many digits"
    # Cut before the quotes are put on: a text of megabytes is not spelled out for sixty characters of it.
    text = repr(value[:SHOWN_MAX] + "…" if isinstance(value, str) and len(value) > SHOWN_MAX else value)
    return text if len(text) <= 4 * SHOWN_MAX else f"{text[: 4 * SHOWN_MAX]}…"
