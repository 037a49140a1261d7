"""Versions: Semantic Versioning 2.0.0, with its true order (beta.10 > beta.2).

Source: https://semver.org/spec/v2.0.0.html, items 2, 9, 10 and 11.
"""

import re
from dataclasses import dataclass
from functools import total_ordering

from pacha.base.errors import Usage

#: A version is a file name and stands in references.
VERSION_LENGTH_MAX = 64

_NUMBER = r"(0|[1-9][0-9]*)"
_IDENTIFIER = r"(?:0|[1-9][0-9]*|[0-9]*[a-z-][0-9a-z-]*)"
_VERSION = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?(?:\+([0-9a-z-]+(?:\.[0-9a-z-]+)*))?",
    re.ASCII,
)
_PREFIX = re.compile(rf"{_NUMBER}(?:\.{_NUMBER})?", re.ASCII)


class BadVersion(Usage):
    """A text is not a version."""


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """One version. Order is by precedence, and by build metadata only to make it total.

    >>> Version.parse("1.0.0-beta.10") > Version.parse("1.0.0-beta.2")
    True
    """

    major: int
    minor: int
    patch: int
    prerelease: tuple[str, ...] = ()
    build: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Reads a version, in lower case. Errors: `BadVersion`."""
        match = _VERSION.fullmatch(text) if len(text) <= VERSION_LENGTH_MAX else None
        if match is None:
            raise BadVersion(f"not a version: {text[:80]!r}", hint=_meant_version(text))
        major, minor, patch, prerelease, build = match.groups()
        return cls(
            int(major),
            int(minor),
            int(patch),
            tuple(prerelease.split(".")) if prerelease else (),
            tuple(build.split(".")) if build else (),
        )

    def __str__(self) -> str:
        text = f"{self.major}.{self.minor}.{self.patch}"
        if self.prerelease:
            text += "-" + ".".join(self.prerelease)
        if self.build:
            text += "+" + ".".join(self.build)
        return text

    @property
    def is_prerelease(self) -> bool:
        """Tells whether it comes before the release of its number."""
        return bool(self.prerelease)

    @property
    def precedence(self) -> tuple[object, ...]:
        """What the order compares: numbers below words, fewer fields below more, no prerelease above any."""
        fields = tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in self.prerelease)
        return (self.major, self.minor, self.patch, not self.prerelease, fields)

    def same_precedence(self, other: "Version") -> bool:
        """Tells whether only build metadata sets two versions apart."""
        return self.precedence == other.precedence

    def __lt__(self, other: "Version") -> bool:
        return (self.precedence, self.build) < (other.precedence, other.build)

    def bump(self, part: str) -> "Version":
        """The next version: `major`, `minor` or `patch` raised; a prerelease becomes its release where that fits.

        >>> str(Version.parse("1.2.3").bump("minor")), str(Version.parse("2.0.0-rc.1").bump("major"))
        ('1.3.0', '2.0.0')
        """
        if part == "major":
            is_due = self.is_prerelease and self.minor == 0 and self.patch == 0
            return Version(self.major if is_due else self.major + 1, 0, 0)
        if part == "minor":
            is_due = self.is_prerelease and self.patch == 0
            return Version(self.major, self.minor if is_due else self.minor + 1, 0)
        if part == "patch":
            return Version(self.major, self.minor, self.patch if self.is_prerelease else self.patch + 1)
        raise BadVersion(f"not a part of a version: {part!r}", hint="major, minor or patch")


def _meant_version(text: str) -> str:
    """What somebody who wrote `v1.2.0` or `1.2` had better write."""
    numbers = text.removeprefix("v")
    if len(text) <= VERSION_LENGTH_MAX:
        filled = numbers + ".0" * (2 - numbers.count(".")) if _PREFIX.fullmatch(numbers) else numbers
        if filled != text and _VERSION.fullmatch(filled):
            return f"write {filled}: versions are MAJOR.MINOR.PATCH, in lower case"
    return "versions are MAJOR.MINOR.PATCH, for instance 1.2.0 or 2.0.0-rc.1, in lower case"


@dataclass(frozen=True, slots=True)
class VersionPrefix:
    """`1` or `1.2`: stands for the highest version that begins so."""

    numbers: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> "VersionPrefix | None":
        """Reads a prefix; None if the text is not one.

        >>> VersionPrefix.parse("1.2"), VersionPrefix.parse("latest")
        (VersionPrefix(numbers=(1, 2)), None)
        """
        if len(text) > VERSION_LENGTH_MAX or not _PREFIX.fullmatch(text):
            return None
        return cls(tuple(int(part) for part in text.split(".")))

    def matches(self, version: Version) -> bool:
        """Tells whether a version begins with these numbers."""
        return (version.major, version.minor)[: len(self.numbers)] == self.numbers
