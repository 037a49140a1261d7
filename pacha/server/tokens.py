"""Tokens: who may read, push or keep a served folder. A file of each lies in one folder that only this user can read.

A token is 256 random bits, shown once. Only the BLAKE3 of its secret is kept: nobody guesses 256 random bits, so a slow
hash, which protects what people make up, would protect nothing here and let anybody keep the server busy. The id in
front of the secret finds the file; it says nothing.

A file is read at each request: a token that was revoked is refused from then on, whatever is running.
"""

import hmac
import os
import re
import secrets
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from fnmatch import fnmatchcase

from pacha.base.canonical import NotCanonical, decode_compact, encode_compact
from pacha.base.errors import Corrupt, MachineFailed, NotFound, PachaError, Untrusted, Usage
from pacha.base.files import Durability, NoSuchFile, Root
from pacha.base.ids import ObjectId, hash_bytes
from pacha.refs.names import RefName

ID_BYTES = 6
SECRET_BYTES = 32
#: A token has nothing to say beyond this.
FILE_BYTES_MAX = 16 << 10
LABEL_CHARACTERS_MAX = 100
PATTERNS_MAX = 32
EVERYTHING = "*"

_ID = re.compile(r"[0-9a-f]{12}", re.ASCII)
_TEXT = re.compile(r"pacha_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)
_PATTERN = re.compile(r"\*|[a-z0-9*?][a-z0-9*?._-]{0,63}/[a-z0-9*?][a-z0-9*?._-]{0,99}", re.ASCII)
#: What a secret is compared with where no token has its id: both take the same time.
_NOBODY = hash_bytes(b"nobody")


class BadToken(Usage):
    """A token is to be made that could not be used as it is meant."""


class NoSuchToken(NotFound):
    """No token has that id."""


class OpenTokens(Untrusted):
    """Others can look into the folder of tokens, or write into it."""


class Role(IntEnum):
    """What a token allows; each role allows what those before it do."""

    READ = 1
    PUSH = 2
    ADMIN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks. `role` None: nobody that is known. `refs` are patterns such as `model/fraud*`."""

    name: str
    role: Role | None = None
    refs: tuple[str, ...] = ()

    def may(self, role: Role) -> bool:
        """Tells whether this caller has a role."""
        return self.role is not None and self.role >= role

    def may_move(self, ref: RefName) -> bool:
        """Tells whether this caller may push a ref."""
        return self.may(Role.PUSH) and any(fnmatchcase(scope_of(ref), pattern) for pattern in self.refs)


NOBODY = Caller(name="-")


def scope_of(ref: RefName) -> str:
    """What the patterns of a token are held against: kind and name of the artifact, else the namespace and what follows.

    >>> scope_of(RefName("refs/versions/model/fraud/1.2.0")), scope_of(RefName("refs/runs/sweep/a1"))
    ('model/fraud', 'run/sweep')
    """
    parts = str(ref).split("/")
    words = {"runs": "run", "attestations": "attestation"}
    if parts[1] in words:
        return f"{words[parts[1]]}/{parts[2]}"
    return "/".join(parts[2:4])


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token as it is kept: without its secret. `expires` and `created` are RFC 3339; `label` is for people."""

    id: str
    role: Role
    refs: tuple[str, ...]
    created: str
    expires: str | None
    label: str
    secret_hash: ObjectId

    def is_expired(self, now: str) -> bool:
        """Tells whether it is no longer good. Canonical timestamps compare as text."""
        return self.expires is not None and self.expires <= now


class Tokens:
    """The tokens of one served folder."""

    def __init__(self, path: str, *, durability: Durability = Durability.BATCH) -> None:
        self.path = path
        self._root = Root(path, temporary="tmp", durability=durability)

    def create(
        self, role: Role, *, refs: Sequence[str] = (EVERYTHING,), now: str, expires: str | None = None, label: str = ""
    ) -> tuple[Token, str]:
        """Makes a token; the second value is its text, which is nowhere kept. Errors: `BadToken`, `OpenTokens`."""
        _check(refs, label, expires, now)
        self._prepare()
        secret = secrets.token_urlsafe(SECRET_BYTES)
        token = Token(
            id=secrets.token_hex(ID_BYTES),
            role=role,
            refs=tuple(refs),
            created=now,
            expires=expires,
            label=label,
            secret_hash=hash_bytes(secret.encode("ascii")),
        )
        self._root.create(token.id, _encode(token))
        return token, f"pacha_{token.id}_{secret}"

    def all(self) -> list[Token]:
        """Every token, the oldest first. Errors: `OpenTokens`, `Corrupt`."""
        self.check()
        found = [self._read(name) for name in self._root.names("") if _ID.fullmatch(name)]
        return sorted((token for token in found if token), key=lambda token: (token.created, token.id))

    def revoke(self, id: str) -> None:
        """Takes a token back, at once. Errors: `NoSuchToken`."""
        self.check()
        if not _ID.fullmatch(id) or not self._root.remove(id):
            raise NoSuchToken(f"no token has the id {id!r}", hint="`pacha serve token list` shows them", token=id)
        self._root.flush_folder("")

    def caller(self, text: str, *, now: str) -> Caller | None:
        """Who a token belongs to; None if it is not good. Secrets are compared in the same time, right or wrong."""
        match = _TEXT.fullmatch(text)
        if match is None:
            return None
        token = self._read(match.group(1))
        expected = _NOBODY if token is None else token.secret_hash
        is_right = hmac.compare_digest(expected.raw, hash_bytes(match.group(2).encode("ascii")).raw)
        if token is None or not is_right or token.is_expired(now):
            return None
        return Caller(name=token.id, role=token.role, refs=token.refs)

    def check(self) -> None:
        """Refuses a folder that others may look into; one that is not there yet is fine. Errors: `OpenTokens`."""
        try:
            state = os.stat(self.path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise MachineFailed(f"{self.path}: {error.strerror}", path=self.path) from error
        if state.st_uid != os.geteuid() or stat.S_IMODE(state.st_mode) & 0o077:
            raise OpenTokens(
                f"{self.path}: tokens lie there, and other users may look into it or own it",
                hint=f"if nobody did: chmod 700 {self.path}",
                path=self.path,
            )

    def _prepare(self) -> None:
        try:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            os.makedirs(self.path, mode=0o700, exist_ok=True)
        except OSError as error:
            raise MachineFailed(f"{self.path}: {error.strerror}", path=self.path) from error
        self.check()

    def _read(self, id: str) -> Token | None:
        try:
            return _decode(id, self._root.read(id, size_max=FILE_BYTES_MAX))
        except NoSuchFile:
            return None


def _check(refs: Sequence[str], label: str, expires: str | None, now: str) -> None:
    if not refs or len(refs) > PATTERNS_MAX:
        raise BadToken(f"a token has 1 to {PATTERNS_MAX} patterns of refs, not {len(refs)}")
    for pattern in refs:
        if not _PATTERN.fullmatch(pattern):
            raise BadToken(f"not a pattern of refs: {pattern[:80]!r}", hint="write for instance model/fraud* or data/*")
    if len(label) > LABEL_CHARACTERS_MAX or not label.isprintable():
        raise BadToken(f"a label is a text of at most {LABEL_CHARACTERS_MAX} printable characters")
    if expires is not None and expires <= now:
        raise BadToken(f"{expires} is over: the token would never be good")


def _encode(token: Token) -> bytes:
    return encode_compact(
        {
            "role": token.role.name.lower(),
            "refs": list(token.refs),
            "created": token.created,
            "expires": token.expires,
            "label": token.label,
            "secret_hash": token.secret_hash.hex,
        }
    )


def _decode(id: str, data: bytes) -> Token:
    try:
        value = decode_compact(data)
        if not isinstance(value, dict):
            raise ValueError("not a document")
        expires = value["expires"]
        refs = tuple(str(pattern) for pattern in value["refs"])
        if not all(_PATTERN.fullmatch(pattern) for pattern in refs):
            raise ValueError("not a pattern")
        return Token(
            id=id,
            role=Role[str(value["role"]).upper()],
            refs=refs,
            created=str(value["created"]),
            expires=None if expires is None else str(expires),
            label=str(value["label"]),
            secret_hash=ObjectId.parse(str(value["secret_hash"])),
        )
    except (NotCanonical, PachaError, KeyError, TypeError, ValueError) as error:
        raise Corrupt(
            f"the file of token {id} is damaged", hint="remove it and make another token", token=id
        ) from error
