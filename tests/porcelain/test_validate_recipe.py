"""What `recipe validate` finds: each check of the table produced once, and a sound recipe that has none."""

import re
from pathlib import Path

import pytest

from pacha.base.errors import Absent, NotFound
from pacha.base.ids import hash_bytes
from pacha.porcelain.captured import CapturedEnvironment, LockFile
from pacha.porcelain.recipe_checks import RECIPE_CHECKS, Severity
from pacha.porcelain.validate_recipe import is_valid, validate_recipe, validate_recipe_file, version_fits
from pacha.registry.card_edit import assign, unset_field
from pacha.registry.cards import Recipe

LOCK = hash_bytes(b"lock")
HERE = CapturedEnvironment(
    python_version="3.11.7", implementation="cpython", system="Linux 6", machine="x86_64",
    packages={"numpy": "1.26.4", "torch": "2.4.0+cu121", "ruamel-yaml": "0.18"},
    lock_files=(LockFile(path="uv.lock", size=4, digest=LOCK),), variables={"HF_TOKEN": None},
)  # fmt: skip
SOUND = Recipe.from_document(
    {
        "train_data": "data/users:3.0.0", "validation_data": "users@b3:0123456789ab", "command": ["python", "train.py"],
        "random_seed": 0, "deterministic": True, "expected_metrics": {"auc": 0.9},
        "hyperparameters": {"learning_rate": 0.001, "batch_size": 1, "epochs": 1, "weight_decay": 0, "max_grad_norm": "Infinity", "warmup_steps": 0},
        "dependencies": {
            "python_version": ">=3.10,<3.13", "lock_hash": LOCK.hex, "env_vars": {"HF_TOKEN": "", "OMP_NUM_THREADS": "4"},
            "packages": {"numpy": "==1.26.4", "torch": "2.4.0", "Ruamel.Yaml[x]": "==0.18"},
        },
        "hardware": {"min_cpu_cores": 1, "min_ram_gb": 0.5, "gpu": {"count": 1, "compute_capability": "8.0"}},
    },
    name="x",
)  # fmt: skip


def resolve(text: str) -> object:
    if "gone" in text:
        raise NotFound(f"no artifact {text}", hint="register it")
    if "absent" in text:
        raise Absent("bytes are not here")
    return text


def found(recipe: Recipe) -> list[tuple[str, str]]:
    return [(one.check, one.where) for one in validate_recipe(recipe, resolve=resolve, environment=HERE)]


def changed(*edits: str) -> Recipe:
    recipe = SOUND
    for edit in edits:
        recipe = assign(recipe, edit) if "=" in edit else unset_field(recipe, edit)
    return recipe


PRODUCED = [
    ("outOfRange", "hyperparameters.learning_rate", ["hyperparameters.learning_rate=0"]),
    ("outOfRange", "hyperparameters.learning_rate", ["hyperparameters.learning_rate=NaN"]),
    ("outOfRange", "hyperparameters.batch_size", ["hyperparameters.batch_size=0"]),
    ("outOfRange", "hyperparameters.epochs", ["hyperparameters.epochs=-1"]),
    ("outOfRange", "hyperparameters.weight_decay", ["hyperparameters.weight_decay=-0.1"]),
    ("outOfRange", "hyperparameters.max_grad_norm", ["hyperparameters.max_grad_norm=0"]),
    ("outOfRange", "hyperparameters.warmup_steps", ["hyperparameters.warmup_steps=-1"]),
    ("outOfRange", "random_seed", ["random_seed=-1"]),
    ("outOfRange", "expected_metrics.auc", ["expected_metrics.auc=NaN"]),
    ("outOfRange", "hardware.min_cpu_cores", ["hardware.min_cpu_cores=0"]),
    ("outOfRange", "hardware.gpu.count", ["hardware.gpu.count=-1"]),
    ("badReference", "train_data", ["train_data=Not A Name"]),
    ("missingReference", "train_data", ["train_data=data/gone:1.0.0"]),
    ("missingReference", "validation_data", ["validation_data=data/absent:1.0.0"]),
    ("wrongKind", "train_data", ["train_data=model/fraud:1.0.0"]),
    ("secretValue", "dependencies.env_vars.HF_TOKEN", ["dependencies.env_vars.HF_TOKEN=x"]),
    ("badLockHash", "dependencies.lock_hash", ["dependencies.lock_hash=sha256:00"]),
    *[
        ("notPinned", "train_data", [f"train_data={text}"])
        for text in (
            "users",
            "users:latest",
            "users:head",
            "users:1.2",
            "users:production",
            "./data/users.csv",
            "users~1",
        )
    ],
    ("noSeed", "random_seed", ["random_seed"]),
    ("notDeterministic", "deterministic", ["deterministic=false"]),
    ("noLockHash", "dependencies.lock_hash", ["dependencies.lock_hash"]),
    ("lockDiffers", "dependencies.lock_hash", [f"dependencies.lock_hash=b3:{'0' * 64}"]),
    *[
        ("packageNotPinned", "dependencies.packages.numpy", [f"dependencies.packages.numpy={text}"])
        for text in (">=1.26", "*", "==1.26.*", "~=1.26.4", "")
    ],
    ("packageDiffers", "dependencies.packages.numpy", ["dependencies.packages.numpy=1.25.0"]),
    ("packageMissing", "dependencies.packages.jax", ["dependencies.packages.jax=1.0"]),
    ("pythonDiffers", "dependencies.python_version", ["dependencies.python_version=3.12"]),
    ("noCommand", "command", ["command"]),
    ("noData", "train_data", ["train_data"]),
    ("implausible", "hardware.min_ram_gb", ["hardware.min_ram_gb=16777216"]),
    ("implausible", "hyperparameters.learning_rate", ["hyperparameters.learning_rate=3000"]),
    ("noPythonVersion", "dependencies.python_version", ["dependencies.python_version"]),
    ("noPackages", "dependencies.packages", ["dependencies.packages"]),
    ("shellCommand", "command", ["command=python train.py"]),
    ("cannotCompare", "dependencies.python_version", ["dependencies.python_version=^3"]),
    ("cannotCompare", "hardware.gpu.compute_capability", ["hardware.gpu.compute_capability=ampere"]),
    ("noExpectedMetrics", "expected_metrics", ["expected_metrics"]),
    ("variableNotSet", "dependencies.env_vars.CUDA_HOME", ["dependencies.env_vars.CUDA_HOME="]),
]


def test_a_sound_recipe_has_no_finding() -> None:
    assert validate_recipe(SOUND, resolve=resolve, environment=HERE) == []


@pytest.mark.parametrize(
    ("check", "where", "edits"), PRODUCED, ids=[f"{check}-{edits[0]}" for check, _, edits in PRODUCED]
)
def test_a_check_finds_what_it_is_for_and_nothing_else_is_found(check: str, where: str, edits: list[str]) -> None:
    seen = found(changed(*edits))
    assert (check, where) in seen
    assert {name for name, _ in seen} - {check} <= {"packageDiffers"}


def test_every_check_is_produced_and_stands_in_the_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*) \| (.*) \|$", page, re.MULTILINE)
    assert rows == [(check.id, check.severity.value, check.meaning, check.remedy) for check in RECIPE_CHECKS.values()]
    assert {check for check, _, _ in PRODUCED} | {"badValue"} == RECIPE_CHECKS.keys()


def test_a_file_of_wrong_kinds_is_a_list_of_findings() -> None:
    raw = b"seed = 1\n[hyperparameters]\nepochs = 'many'\n"
    findings = validate_recipe_file(raw, name="recipe.toml")
    assert [(one.check, one.where) for one in findings] == [
        ("badValue", "seed"),
        ("badValue", "hyperparameters.epochs"),
    ]
    assert "did you mean random_seed?" in findings[0].message


def test_errors_come_first_and_strict_counts_warnings() -> None:
    findings = validate_recipe(Recipe(hyperparameters={"epochs": 0}))  # type: ignore[arg-type]
    severities = [one.severity for one in findings]
    assert severities == sorted(severities, key=list(Severity).index) and severities[0] is Severity.ERROR
    assert not is_valid(findings)
    warned = validate_recipe(changed("random_seed"), resolve=resolve, environment=HERE)
    assert is_valid(warned) and not is_valid(warned, strict=True)


def test_without_an_environment_only_the_recipe_itself_is_looked_at() -> None:
    assert validate_recipe(SOUND) == []


@pytest.mark.parametrize(
    ("wanted", "have", "fits"),
    [
        ("3", "3.11.7", True), ("3.11", "3.11.7", True), ("3.11.7", "3.11.7", True), ("3.1", "3.11.7", False),
        ("==3.11.7", "3.11.7", True), ("==3.11", "3.11.7", False), ("==3.11.*", "3.11.7", True), ("!=3.11.*", "3.11.7", False),
        ("!=3.12", "3.11.7", True), (">=3.10,<3.12", "3.11.7", True), (">3.11.7", "3.11.7", False), ("<=3.11.7", "3.11.7", True),
        ("~=3.10", "3.11.7", True), ("~=3.10.2", "3.11.7", False), ("~=3.12", "3.11.7", False), ("3.x", "3.11.7", None), ("", "3.11.7", None),
        (">=3.10,", "3.11.7", None), ("9" * 5000, "3.11.7", None),
    ],
)  # fmt: skip
def test_versions_of_python_are_compared_by_their_numbers(wanted: str, have: str, fits: bool | None) -> None:
    assert version_fits(wanted, have) is fits
