"""What fsck can find: each check with its id, how bad it is, and what to do. The table that docs/fsck.md prints."""

from dataclasses import dataclass
from enum import Enum

from pacha.objects.types import Link


class Severity(Enum):
    """ERROR: something is lost or wrong. NOTICE: the next command or gc puts it right, or Git must be told."""

    ERROR = "error"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check."""

    id: str
    severity: Severity
    meaning: str
    remedy: str


_PULL = "`pacha fsck --repair --from REMOTE`; adding the same file again heals it too"
_PUSH = "`pacha push REMOTE --check` from a clone that has the bytes"
_GIT = "take the file from Git: `git checkout -- PATH`"


def _error(id: str, meaning: str, remedy: str) -> Check:
    return Check(id=id, severity=Severity.ERROR, meaning=meaning, remedy=remedy)


def _notice(id: str, meaning: str, remedy: str) -> Check:
    return Check(id=id, severity=Severity.NOTICE, meaning=meaning, remedy=remedy)


CHECKS = {
    check.id: check
    for check in (
        _error("missingObject", "An object is named by a stored one, and is not here.", _PULL),
        _error("emptyObject", "An object's file has no bytes.", _GIT),
        _error("hashMismatch", "Bytes do not have the id that their name or record says.", _PULL),
        _error("eolDamage", "Git changed the line ends of a META file.", "restore `.pacha/.gitattributes`, then check out again"),
        _error("notCanonical", "A document is not spelled canonically.", _GIT),
        _error("badObject", "A document is not a well-formed object of its type.", _GIT),
        _error("badPath", "A tree or manifest holds a name that is not safe on every system.", _GIT),
        _error("wrongKind", "A document says that it is of another type than its place.", _GIT),
        _error("unknownKind", "A folder or record is of a type that this version does not know.", "install a newer pacha-registry"),
        _error("oversize", "A file is larger than its place allows.", _GIT),
        _error("badHeader", "A record's header is damaged.", _PULL),
        _error("badChecksum", "A record's stored bytes are damaged.", _PULL),
        _error("badBase", "The record that another is stored as a difference to is not here, damaged or too far from a whole one.", _PULL),
        _error("badFrame", "A record's stored bytes cannot be decoded to the length it promises.", _PULL),
        _error("badCodec", "A record uses a codec that this version does not know.", "install a newer pacha-registry"),
        _error("badTrailer", "A pack is cut short, or its end does not match its records.", _PULL),
        _notice("idxMismatch", "A pack's index does not match the pack; it is derived.", "nothing: it is made anew"),
        _notice("duplicateObject", "Several packs hold the same object.", "nothing: merging packs drops it"),
        _error("digestMismatch", "A manifest's digest is not that of the files in its tree.", _GIT),
        _error("sizeMismatch", "A manifest's size is not that of the files in its tree.", _GIT),
        _error("missingParent", "A manifest names a parent that is not here.", "merge or fetch the branch that has it"),
        _error("badFanout", "A META file lies in another folder than its id says.", "move it to where its id says"),
        _notice("alienFile", "A file that Pacha did not make lies in the store.", "remove it"),
        _error("symlinkInStore", "A symbolic link lies in the store.", "remove it"),
        _error("notRegular", "A pipe, socket or device lies in the store.", "remove it"),
        _notice("tmpLeftover", "An unfinished file of a process that is gone.", "`pacha gc` removes it"),
        _notice("deadInflight", "An unfinished transaction of a process that is gone.", "nothing: the next writing command finishes it"),
        _error("badRefName", "A file below `refs` has a name that no ref has.", "remove it"),
        _error("badRefContent", "A ref does not hold a link to an object of its kind.", _GIT),
        _error("trailingRefContent", "A ref holds more than one line.", _GIT),
        _error("refMissingNewline", "A ref's line end is missing.", _GIT),
        _error("refConflictMarkers", "Git left conflict markers in a ref.", "`pacha resolve`"),
        _error("symlinkRef", "A ref is a symbolic link or not a file.", "remove it"),
        _error("refMissingTarget", "A ref names an object that is not here.", "merge or fetch the branch that has it"),
        _error("refGap", "A number is missing in a stage log.", "merge or fetch the branch that has it"),
        _error("refFork", "An entry of a stage log does not follow the one before.", "`pacha resolve`"),
        _error("moveVersion", "A move names a version that is not here.", "merge or fetch the branch that has it"),
        _notice("moveFrom", "A move says that its version came from where it was not.", "nothing: what the log says last counts"),
        _notice("moveDisplaced", "A move displaces a version from a stage where it was not.", "nothing: what the log says last counts"),
        _error("stageTwice", "Several versions hold a stage that one at a time may hold.", "move all but one to another stage: `pacha stage`"),
        _notice("stageUnknown", "A version is in a stage that the project's rules do not have.", "add it to `[stages]` in `.pacha/config.toml`, or move the version"),
        _error("badStageRules", "The stages in `.pacha/config.toml` do not make sense.", "correct `[stages]`, see docs/stages.md"),
        _error("wrongTag", "A ref names an object that is about something else.", _GIT),
        _error("duplicateVersion", "Two versions of an artifact have the same precedence.", "yank one of them"),
        _notice("untrackedMeta", "Git does not track a META file, so nobody else will see it.", "`git add .pacha`"),
        _notice("erased", "The bytes of a version were erased on purpose; what is known of it stays.", "nothing"),
        _error("remoteLog", "A remote's log is broken: an entry is missing, damaged, or does not follow the one before.", "whoever keeps the remote restores `log/` from a backup; if that cannot be, push to a new place"),
        _error("remotePack", "A pack that a remote's log names is not there, or not whole.", _PUSH),
        _error("remoteIndex", "An index that a remote's log names is not there, damaged, or leaves out a pack.", _PUSH),
        _error("remoteRecord", "A record on a remote is damaged.", _PUSH + " (with --read-data)"),
        _error("remoteMissing", "A remote names an object that it does not have.", _PUSH),
        _error("notIgnored", "`.pacha/.gitignore` does not keep packs and local state out of Git.", "restore it: `git checkout -- .pacha/.gitignore`"),
        _error("missingGitattributes", "`.pacha/.gitattributes` does not keep Git from changing bytes.", "restore it: `git checkout -- .pacha/.gitattributes`"),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One finding: which check, where, about which object, and the refs that reach that object."""

    check: str
    severity: Severity
    message: str
    path: str | None = None
    object: Link | None = None
    refs: tuple[str, ...] = ()


def problem(check: str, message: str, *, path: str | None = None, object: Link | None = None) -> Problem:
    """A finding of a check that exists."""
    return Problem(check=check, severity=CHECKS[check].severity, message=message, path=path, object=object)
