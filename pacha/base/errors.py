"""The families of errors: each knows its exit code, its nouns and one thing to do about it.

A room defines its own errors as subclasses, beside the code that raises them. Nothing here prints.
"""


class PachaError(Exception):
    """Something a person can act on: one sentence that names the thing, a hint that names the next step.

    `nouns` are the values in the message (a path, an id, a name), kept apart so that `--json` can show them.
    """

    exit_code = 70
    #: What to do where the one who raises it knows nothing better.
    usual_hint: str | None = None

    def __init__(self, message: str, *, hint: str | None = None, **nouns: object) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.usual_hint
        self.nouns = nouns

    @property
    def code(self) -> str:
        """The error's stable name in `--json`: that of its class."""
        return type(self).__name__


class Negative(PachaError):
    """The question was understood and the answer is no: nothing to commit, refused by a rule."""

    exit_code = 1


class Usage(PachaError):
    """The words of the command or call are wrong."""

    exit_code = 2


class NotFound(PachaError):
    """What was named does not exist here."""

    exit_code = 3


class Absent(NotFound):
    """The thing is known, and its bytes are not in this store."""

    usual_hint = "`pacha pull` brings the bytes from a remote that has them"


class Conflict(PachaError):
    """Two facts disagree and a person has to choose."""

    exit_code = 4


class Ambiguous(Conflict):
    """One name fits several things; `candidates` lists them."""

    def __init__(self, message: str, *, candidates: tuple[str, ...], hint: str | None = None, **nouns: object) -> None:
        super().__init__(message, hint=hint, candidates=list(candidates), **nouns)
        self.candidates = candidates


class Corrupt(PachaError):
    """Stored bytes are not what their id, their length or the format says."""

    exit_code = 5
    usual_hint = (
        "`pacha fsck` names all damage and what it concerns; Git, another clone or a remote may have sound copies"
    )


class Untrusted(PachaError):
    """Something comes from a place or a key that this user has not said to trust."""

    exit_code = 6


class Busy(PachaError):
    """Another process holds what is needed."""

    exit_code = 7


class RemoteFailed(PachaError):
    """A remote refused, failed or could not be reached."""

    exit_code = 8


class Unsupported(PachaError):
    """A newer format, or something this system cannot do."""

    exit_code = 9


class MachineFailed(PachaError):
    """The machine said no: disk full, permission, input or output error."""

    exit_code = 10
