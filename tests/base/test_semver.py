"""Versions order as Semantic Versioning 2.0.0 says; the package `semver` is the oracle."""

import pytest
import semver
from hypothesis import given
from hypothesis import strategies as st

from pacha.base.semver import BadVersion, Version, VersionPrefix

numbers = st.integers(0, 12)
identifiers = st.from_regex(r"\A(0|[1-9][0-9]{0,2}|[0-9]{0,2}[a-z-][0-9a-z-]{0,3})\Z")
builds = st.from_regex(r"\A[0-9a-z-]{1,4}\Z")


@st.composite
def texts(draw: st.DrawFn) -> str:
    text = f"{draw(numbers)}.{draw(numbers)}.{draw(numbers)}"
    if prerelease := draw(st.lists(identifiers, max_size=3)):
        text += "-" + ".".join(prerelease)
    if build := draw(st.lists(builds, max_size=2)):
        text += "+" + ".".join(build)
    return text


@given(texts(), texts())
def test_order_is_that_of_the_oracle(left: str, right: str) -> None:
    ours, theirs = (Version.parse(left), Version.parse(right)), semver.Version.parse(left).compare(right)
    assert str(ours[0]) == left
    assert ours[0].same_precedence(ours[1]) == (theirs == 0)
    if theirs:
        assert (ours[0] < ours[1]) == (theirs < 0)


@given(st.text("0123456789.-+abA", max_size=12))
def test_what_the_oracle_refuses_is_refused(text: str) -> None:
    try:
        semver.Version.parse(text)
        is_version = text == text.lower()
    except ValueError:
        is_version = False
    try:
        Version.parse(text)
        assert is_version
    except BadVersion:
        assert not is_version


@pytest.mark.parametrize(
    ("version", "part", "wanted"),
    [("1.2.3", "patch", "1.2.4"), ("1.2.3", "minor", "1.3.0"), ("1.2.3", "major", "2.0.0"), ("2.0.0-rc.1", "major", "2.0.0"),
     ("2.0.0-rc.1", "patch", "2.0.0"), ("2.1.0-rc.1", "minor", "2.1.0"), ("2.1.0-rc.1", "major", "3.0.0")],
)  # fmt: skip
def test_raising_a_part(version: str, part: str, wanted: str) -> None:
    assert str(Version.parse(version).bump(part)) == wanted


def test_prefixes() -> None:
    prefix = VersionPrefix.parse("1.2")
    assert prefix is not None and prefix.matches(Version.parse("1.2.9")) and not prefix.matches(Version.parse("1.20.0"))
    assert VersionPrefix.parse("1.2.3") is None and VersionPrefix.parse("01") is None
