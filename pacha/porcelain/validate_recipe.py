"""`recipe validate`: whether a recipe can be right, and whether a run of it could be repeated. A list, worst first."""

import re
from collections.abc import Callable, Iterator

from pacha.base.errors import PachaError, Usage
from pacha.base.ids import HEX_DIGITS
from pacha.base.semver import BadVersion, Version
from pacha.porcelain.captured import CapturedEnvironment, looks_secret, normal_name
from pacha.porcelain.recipe_checks import RecipeFinding, Severity, finding
from pacha.registry.card_problems import BadCard
from pacha.registry.card_values import Number
from pacha.registry.recipe import Recipe
from pacha.registry.recipe_file import read_recipe
from pacha.registry.revspec import RevisionSpec, parse_revision

Resolve = Callable[[str], object]

#: Larger machines and longer trainings than these are a slip of a unit (MiB for GiB, milliseconds for seconds).
CORES_MAX, MEMORY_GIB_MAX, GPUS_MAX, GPU_GIB_MAX, SECONDS_MAX = 16_384, 131_072, 131_072, 4_096, 3 * 10**8
LEARNING_RATE_HIGH = 1000

_HASH = re.compile(rf"(?:(?:blake3|b3):)?([0-9a-f]{{{HEX_DIGITS}}})", re.ASCII)
_COMPARISON = re.compile(r"(===|==|~=|!=|<=|>=|<|>)?\s*v?([0-9]+(?:\.[0-9]+){0,5})(\.\*)?", re.ASCII)
_EXACT = re.compile(r"(?:===?)?\s*v?[0-9][A-Za-z0-9.!+_-]*", re.ASCII)
_CAPABILITY = re.compile(r"(?:sm_)?[0-9]{1,2}\.?[0-9]", re.ASCII)


def validate_recipe_file(
    raw: bytes, *, name: str, resolve: Resolve | None = None, environment: CapturedEnvironment | None = None
) -> list[RecipeFinding]:
    """Reads a recipe's TOML and validates it; what is no recipe is a list of `badValue`. Errors: `BadToml`."""
    try:
        recipe = read_recipe(raw, name=name)
    except BadCard as error:
        return [finding("badValue", problem.where, problem.message) for problem in error.problems]
    return validate_recipe(recipe, resolve=resolve, environment=environment)


def validate_recipe(
    recipe: Recipe, *, resolve: Resolve | None = None, environment: CapturedEnvironment | None = None
) -> list[RecipeFinding]:
    """Every finding, the worst first. `resolve` looks a reference up, and raises a `PachaError` if it names nothing."""
    found = [
        *_ranges(recipe),
        *_hardware(recipe),
        *_references(recipe, resolve),
        *_repeatable(recipe),
        *_lock(recipe, environment),
        *_python(recipe, environment),
        *_packages(recipe, environment),
        *_variables(recipe, environment),
    ]
    order = list(Severity)
    return sorted(found, key=lambda one: order.index(one.severity))


def is_valid(findings: list[RecipeFinding], *, strict: bool = False) -> bool:
    """Tells whether nothing speaks against a recipe; `strict` counts warnings too."""
    worst = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    return not any(one.severity in worst for one in findings)


def _ranges(recipe: Recipe) -> Iterator[RecipeFinding]:
    values = recipe.hyperparameters
    rows: tuple[tuple[str, Number | None, float, bool], ...] = (
        ("learning_rate", values.learning_rate, 0, False),
        ("batch_size", values.batch_size, 1, True),
        ("epochs", values.epochs, 1, True),
        ("weight_decay", values.weight_decay, 0, True),
        ("warmup_steps", values.warmup_steps, 0, True),
    )
    for name, value, least, may_be in rows:
        yield from _range(f"hyperparameters.{name}", value, least, may_be=may_be)
    # Infinity is how people write that gradients are not cut.
    if values.max_grad_norm != "Infinity":
        yield from _range("hyperparameters.max_grad_norm", values.max_grad_norm, 0, may_be=False)
    if isinstance(values.learning_rate, (int, float)) and values.learning_rate > LEARNING_RATE_HIGH:
        yield finding(
            "implausible", "hyperparameters.learning_rate", f"{values.learning_rate} is more than {LEARNING_RATE_HIGH}"
        )
    if recipe.random_seed is not None:
        yield from _range("random_seed", recipe.random_seed, 0, may_be=True)
    for name, value in recipe.expected_metrics.items():
        if isinstance(value, str):
            yield finding("outOfRange", f"expected_metrics.{name}", f"a run cannot be expected to reach {value}")


def _range(where: str, value: Number | None, least: float, *, may_be: bool) -> Iterator[RecipeFinding]:
    bound = f"at least {least}" if may_be else f"more than {least}"
    if value is None:
        return
    if isinstance(value, str) or value < least or (value == least and not may_be):
        yield finding("outOfRange", where, f"{bound}, not {value}")


def _hardware(recipe: Recipe) -> Iterator[RecipeFinding]:
    hardware = recipe.hardware
    if hardware is None:
        return
    rows: list[tuple[str, Number | None, int, float]] = [
        ("hardware.min_cpu_cores", hardware.min_cpu_cores, 1, CORES_MAX),
        ("hardware.min_ram_gb", hardware.min_ram_gb, 0, MEMORY_GIB_MAX),
        ("hardware.estimated_duration_secs", hardware.estimated_duration_secs, 0, SECONDS_MAX),
    ]
    gpu = hardware.gpu
    if gpu is not None:
        rows += [
            ("hardware.gpu.count", gpu.count, 0, GPUS_MAX),
            ("hardware.gpu.min_vram_gb", gpu.min_vram_gb, 0, GPU_GIB_MAX),
        ]
        if gpu.compute_capability and not _CAPABILITY.fullmatch(gpu.compute_capability):
            yield finding(
                "cannotCompare", "hardware.gpu.compute_capability", f"not a compute capability: {gpu.compute_capability[:40]!r}",
                hint="write for instance 8.0",
            )  # fmt: skip
    for where, value, least, most in rows:
        yield from _range(where, value, least, may_be=True)
        if isinstance(value, (int, float)) and value > most:
            yield finding("implausible", where, f"{value} is more than {most:g}")


def _references(recipe: Recipe, resolve: Resolve | None) -> Iterator[RecipeFinding]:
    if not recipe.train_data:
        yield finding("noData", "train_data", "no training data is named")
    for reference in recipe.references():
        try:
            spec = parse_revision(reference.text)
        except PachaError as error:
            if reference.text.startswith(("./", "../", "/")):
                yield finding("notPinned", reference.field, f"{reference.text!r} is a path, whose content may change")
            else:
                yield finding("badReference", reference.field, error.message, hint=error.hint)
            continue
        if spec.kind not in (None, "data", "run"):
            yield finding("wrongKind", reference.field, f"{reference.text} is a {spec.kind}")
        if not is_pinned(spec):
            yield finding("notPinned", reference.field, f"{reference.text} can mean another version tomorrow")
        if resolve is not None:
            yield from _resolved(reference.field, reference.text, resolve)


def _resolved(where: str, text: str, resolve: Resolve) -> Iterator[RecipeFinding]:
    try:
        resolve(text)
    except Usage as error:
        yield finding("badReference", where, error.message, hint=error.hint)
    except PachaError as error:
        yield finding("missingReference", where, error.message, hint=error.hint)


def is_pinned(spec: RevisionSpec) -> bool:
    """Tells whether a reference means the same for ever: a whole version, a pin, or an object's id.

    >>> [is_pinned(parse_revision(text)) for text in ("users:1.2.0", "users:1.2", "users", "users:production")]
    [True, False, False, False]
    """
    if spec.pin is not None or spec.type is not None:
        return True
    try:
        Version.parse(spec.selector or "")
    except BadVersion:
        return False
    return True


def _repeatable(recipe: Recipe) -> Iterator[RecipeFinding]:
    if recipe.random_seed is None:
        yield finding("noSeed", "random_seed", "no random seed is set")
    if not recipe.deterministic:
        yield finding("notDeterministic", "deterministic", "nothing says that equal inputs give equal bytes")
    if recipe.command is None:
        yield finding("noCommand", "command", "nothing says which program trains")
    elif isinstance(recipe.command, str):
        yield finding("shellCommand", "command", "a line, not a list of arguments")
    if not recipe.expected_metrics:
        yield finding("noExpectedMetrics", "expected_metrics", "nothing says what a run should reach")


def _lock(recipe: Recipe, environment: CapturedEnvironment | None) -> Iterator[RecipeFinding]:
    where, text = "dependencies.lock_hash", recipe.dependencies.lock_hash
    if text is None:
        yield finding("noLockHash", where, "no lock file's hash is given")
        return
    match = _HASH.fullmatch(text)
    if match is None:
        yield finding("badLockHash", where, f"not a BLAKE3 hash: {text[:80]!r}")
        return
    if environment is None:
        return
    locks = environment.lock_files
    if match[1] not in {lock.digest.hex for lock in locks}:
        there = ", ".join(f"{lock.path} is {lock.digest.short}…" for lock in locks) or "there is none"
        yield finding("lockDiffers", where, f"no lock file here has the hash {match[1][:12]}… ({there})")


def _python(recipe: Recipe, environment: CapturedEnvironment | None) -> Iterator[RecipeFinding]:
    where, wanted = "dependencies.python_version", recipe.dependencies.python_version
    if wanted is None:
        yield finding("noPythonVersion", where, "no version of Python is given")
        return
    fits = version_fits(wanted, environment.python_version if environment else "0")
    if fits is None:
        yield finding(
            "cannotCompare", where, f"not a version of Python: {wanted[:60]!r}", hint='write "3.11" or ">=3.10,<3.13"'
        )
    elif environment is not None and not fits:
        yield finding("pythonDiffers", where, f"the recipe wants Python {wanted}, this is {environment.python_version}")


def version_fits(wanted: str, have: str) -> bool | None:
    """Tells whether a version of digits is one that is asked for; None if what is asked cannot be read.

    A version without a sign stands for all that begin with it.

    >>> version_fits("3.11", "3.11.7"), version_fits(">=3.10,<3.12", "3.12.1"), version_fits("^3", "3.11")
    (True, False, None)
    """
    mine = [int(part) for part in have.split(".")]
    answers: list[bool] = []
    for part in wanted.split(","):
        match = _COMPARISON.fullmatch(part.strip()) if len(part) <= 64 else None
        if match is None:
            return None
        answers.append(
            _compares(match[1] or "", [int(number) for number in match[2].split(".")], mine, is_open=bool(match[3]))
        )
    return all(answers)


def _compares(sign: str, wanted: list[int], mine: list[int], *, is_open: bool) -> bool:
    length = max(len(wanted), len(mine))
    left, right = (numbers + [0] * (length - len(numbers)) for numbers in (mine, wanted))
    begins = mine[: len(wanted)] == wanted
    if sign == "~=":
        return left >= right and mine[: len(wanted) - 1] == wanted[:-1]
    if sign in ("", "==", "===", "!="):
        same = begins if is_open or sign == "" else left == right
        return same is not (sign == "!=")
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[sign]


def _packages(recipe: Recipe, environment: CapturedEnvironment | None) -> Iterator[RecipeFinding]:
    packages = recipe.dependencies.packages
    if not packages:
        yield finding("noPackages", "dependencies.packages", "no packages are named")
    for name, wanted in packages.items():
        where = f"dependencies.packages.{name}"
        if not _EXACT.fullmatch(wanted) or wanted.endswith(".*"):
            yield finding("packageNotPinned", where, f"{name} may be of several versions: {wanted[:60] or 'any'}")
        if environment is None:
            continue
        have = environment.packages.get(normal_name(name.partition("[")[0]))
        if have is None:
            yield finding("packageMissing", where, f"{name} is not installed")
        elif _differs(wanted, have):
            yield finding("packageDiffers", where, f"the recipe wants {name} {wanted}, installed is {have}")


def _differs(wanted: str, have: str) -> bool:
    """An exact version is compared as a text; of others, those are compared that can be."""
    if _EXACT.fullmatch(wanted) and not wanted.endswith(".*"):
        exact = wanted.lstrip("= v")
        return exact not in (have, have.partition("+")[0])
    digits = re.match(r"[0-9]+(?:\.[0-9]+)*", have, re.ASCII)
    return bool(wanted) and digits is not None and version_fits(wanted, digits[0]) is False


def _variables(recipe: Recipe, environment: CapturedEnvironment | None) -> Iterator[RecipeFinding]:
    for name, value in recipe.dependencies.env_vars.items():
        where = f"dependencies.env_vars.{name}"
        if value and looks_secret(name, value):
            yield finding("secretValue", where, f"the value of {name} would be there for all to read")
        if not value and environment is not None and name not in environment.variables:
            yield finding("variableNotSet", where, f"{name} is not set here")
