"""What `recipe validate` looks at: each check with its id, how bad it is, and what to do. docs/recipes.md has the table."""

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """ERROR: the recipe cannot be right. WARNING: a run may not be repeatable. NOTICE: something worth saying."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeCheck:
    """One check."""

    id: str
    severity: Severity
    meaning: str
    remedy: str


def _check(severity: Severity, id: str, meaning: str, remedy: str) -> RecipeCheck:
    return RecipeCheck(id=id, severity=severity, meaning=meaning, remedy=remedy)


_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTICE

RECIPE_CHECKS = {
    check.id: check
    for check in (
        _check(_E, "badValue", "A member has a value of a wrong kind, or does not exist.", "write what the message says"),
        _check(_E, "outOfRange", "A number is one that it cannot be.", "write a number in the range"),
        _check(_E, "badReference", "A text that should name a dataset is no reference.", "write for instance data/users:1.2.0"),
        _check(_E, "missingReference", "A reference names nothing that is registered.", "register it first, or correct the name"),
        _check(_E, "wrongKind", "A reference names an artifact that is not a dataset.", "name a dataset"),
        _check(_E, "secretValue", "An environment variable whose name or value looks secret has its value in the recipe.", "leave the value empty; it is taken from the environment of the run"),
        _check(_E, "badLockHash", "A lock file's hash is not a BLAKE3 of 64 digits.", "write what `b3sum` prints for the lock file"),
        _check(_W, "notPinned", "A reference can mean another version tomorrow.", "name a whole version, or pin it with @b3:"),
        _check(_W, "noSeed", "No random seed is set.", "set random_seed"),
        _check(_W, "notDeterministic", "Nothing says that equal inputs give equal bytes.", "set deterministic = true once the training is"),
        _check(_W, "noLockHash", "No lock file's hash is given.", "set dependencies.lock_hash"),
        _check(_W, "lockDiffers", "No lock file near the recipe has the hash that it gives.", "lock again, or correct dependencies.lock_hash"),
        _check(_W, "packageNotPinned", "A package may be of several versions.", "write its version, as in \"==1.26.4\""),
        _check(_W, "packageDiffers", "A package is installed in another version.", "install what the recipe says, or change the recipe"),
        _check(_W, "packageMissing", "A package of the recipe is not installed here.", "install it"),
        _check(_W, "pythonDiffers", "This Python is not the one of the recipe.", "run it with the version that the recipe says"),
        _check(_W, "noCommand", "Nothing says which program trains.", "set command, for instance [\"python\", \"train.py\"]"),
        _check(_W, "noData", "No training data is named.", "set train_data"),
        _check(_W, "implausible", "A number is larger than that of any machine or training known.", "check it"),
        _check(_N, "noPythonVersion", "No version of Python is given.", "set dependencies.python_version"),
        _check(_N, "noPackages", "No packages are named.", "set dependencies.packages, or rely on the lock file"),
        _check(_N, "shellCommand", "The command is a line for a shell, so its parts depend on that shell.", "write it as a list of arguments"),
        _check(_N, "cannotCompare", "Something is written so that it cannot be compared here.", "write it as in the table of docs/recipes.md"),
        _check(_N, "noExpectedMetrics", "Nothing says what a run should reach.", "set expected_metrics"),
        _check(_N, "variableNotSet", "An environment variable of the recipe is not set here.", "set it before a run"),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeFinding:
    """One finding: which check, how bad, at which member, what is wrong, and what to do."""

    check: str
    severity: Severity
    where: str
    message: str
    hint: str


def finding(check: str, where: str, message: str, *, hint: str | None = None) -> RecipeFinding:
    """A finding of a check that exists; its usual remedy is the hint where no better one is known."""
    known = RECIPE_CHECKS[check]
    return RecipeFinding(check=check, severity=known.severity, where=where, message=message, hint=hint or known.remedy)
