"""The grammar of references. Pure: a text becomes a `RevisionSpec`, nothing is looked up.

`[kind/]name[:selector][@b3:hex | @sha256:hex][~N | ^role]…[/path/in/artifact]`, or `type:hex`; `pacha://` may stand
in front. Source: docs/design.md, "References".
"""

import re
from dataclasses import dataclass

from pacha.base.errors import Usage
from pacha.base.ids import is_prefix
from pacha.base.names import KINDS, ArtifactName, check_name
from pacha.base.paths import BadPath, check_path
from pacha.objects.manifest import ROLES
from pacha.objects.types import type_names

SCHEME = "pacha://"
#: Longer chains of ~ and ^ are not typed by anybody.
STEPS_MAX = 64
TEXT_MAX = 8192

_NAME = re.compile(r"[^:@~^/]+")
_NAME_ENDS = re.compile(r"[:@~^]")
_SELECTOR = re.compile(r":([^@~^/:]+)")
_PIN = re.compile(r"@(b3|sha256):([0-9a-f]+)")
_STEP = re.compile(r"~([0-9]*)|\^([a-z_]*)")


class BadRevision(Usage):
    """A text is not a reference."""

    usual_hint = "a reference is [kind/]name[:version][@b3:hex][~N][/path], for instance fraud-detector:1.2.0"


@dataclass(frozen=True, slots=True)
class Back:
    """`~N`: so many steps along `previous`."""

    steps: int


@dataclass(frozen=True, slots=True)
class Along:
    """`^role`: the parent in that role."""

    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """`@b3:hex` or `@sha256:hex`: what the content must be."""

    algorithm: str
    digits: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionSpec:
    """A reference as it was typed. Either `type` and `digits`, or `name` and the rest."""

    text: str
    type: str | None = None
    digits: str | None = None
    kind: str | None = None
    name: str | None = None
    selector: str | None = None
    pin: Pin | None = None
    steps: tuple[Back | Along, ...] = ()
    path: str | None = None

    @property
    def artifact(self) -> ArtifactName | None:
        """The artifact, where the kind was typed too."""
        return ArtifactName(self.kind, self.name) if self.kind and self.name else None


def parse_revision(text: str) -> RevisionSpec:
    """Reads a reference. Errors: `BadRevision`, `BadName`.

    >>> spec = parse_revision("model/fraud:1.2~1/weights.bin")
    >>> spec.kind, spec.name, spec.selector, spec.path
    ('model', 'fraud', '1.2', 'weights.bin')
    """
    if len(text) > TEXT_MAX:
        raise BadRevision(f"a reference has at most {TEXT_MAX} characters")
    rest = text.removeprefix(SCHEME)
    head, colon, digits = rest.partition(":")
    if colon and head in type_names():
        return _object(text, head, digits)
    kind, slash, after = rest.partition("/")
    if slash and kind in KINDS:
        rest = after
    elif slash and text.startswith(SCHEME):
        _refuse_host(text, kind, after)
        kind = ""
    else:
        kind = ""
    return _artifact(text, kind or None, rest)


def _refuse_host(text: str, first: str, rest: str) -> None:
    """Refuses `pacha://host/name…`: a reference is about this repository. No path of an artifact has a ':' in it."""
    is_host = not _NAME_ENDS.search(first) or ":" in rest
    if is_host:
        raise BadRevision(
            f"{text[:80]!r} names the host {first[:60]!r}, and references are about this repository",
            hint=f"leave the host out: {SCHEME}{rest[:60]}; a path in an artifact needs its kind: {SCHEME}model/NAME/PATH",
        )


def _object(text: str, type_name: str, rest: str) -> RevisionSpec:
    match = re.match(r"[0-9a-f]*", rest)
    digits = match.group(0) if match else ""
    if not is_prefix(digits):
        raise BadRevision(
            f"not an object: {text[:80]!r}", hint="write its type and at least 8 digits, as manifest:3f2a9c01"
        )
    steps, rest = _steps(text, rest[len(digits) :])
    return RevisionSpec(text=text, type=type_name, digits=digits, steps=steps, path=_path(text, rest))


def _artifact(text: str, kind: str | None, rest: str) -> RevisionSpec:
    match = _NAME.match(rest)
    if match is None:
        raise BadRevision(
            f"not a reference: {text[:80]!r}", hint="write name:version, for instance fraud-detector:1.2.0"
        )
    name = check_name(match.group(0))
    rest = rest[match.end() :]
    selector = pin = None
    if match := _SELECTOR.match(rest):
        selector = match.group(1)
        rest = rest[match.end() :]
    if match := _PIN.match(rest):
        pin = Pin(algorithm=match.group(1), digits=match.group(2))
        if len(pin.digits) < 8 or len(pin.digits) > 64:
            raise BadRevision(f"a pin has 8 to 64 digits: {text[:80]!r}")
        rest = rest[match.end() :]
    steps, rest = _steps(text, rest)
    return RevisionSpec(
        text=text, kind=kind, name=name, selector=selector, pin=pin, steps=steps, path=_path(text, rest)
    )


def _steps(text: str, rest: str) -> tuple[tuple[Back | Along, ...], str]:
    steps: list[Back | Along] = []
    while match := _STEP.match(rest):
        rest = rest[match.end() :]
        if match.group(2) is None:
            count = match.group(1)
            if len(count) > 9:
                raise BadRevision(f"too many steps back: {text[:80]!r}")
            steps.append(Back(int(count or "1")))
        else:
            role = match.group(2) or "previous"
            if role not in ROLES:
                raise BadRevision(f"no such role: {role[:40]!r} in {text[:80]!r}", hint=f"roles are {', '.join(ROLES)}")
            steps.append(Along(role))
        if len(steps) > STEPS_MAX:
            raise BadRevision(f"more than {STEPS_MAX} steps: {text[:60]!r}…")
    return tuple(steps), rest


def _path(text: str, rest: str) -> str | None:
    if not rest:
        return None
    if not rest.startswith("/") or rest == "/":
        raise BadRevision(f"cannot read {rest[:40]!r} in the reference {text[:80]!r}")
    try:
        return check_path(rest[1:])
    except BadPath as error:
        raise BadRevision(f"{text[:80]!r}: {error.message}", hint="name a file or folder of the artifact") from error
