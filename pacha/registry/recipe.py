"""The recipe: how a model is trained, as a value. Reading and writing its TOML is `recipe_file`.

A recipe's truth is its TOML; the card of its manifest says the same for those who have no bytes. Everything may be
left out: what a recipe should say, and does not, is told by `validate_recipe`. Source: docs/recipes.md, "The file".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pacha.base.names import check_name
from pacha.base.semver import Version
from pacha.registry.card_forms import Amount, Checked, Command, Flag, Free, Numbers, Text, Texts, TextTable, Whole
from pacha.registry.card_record import CardRecord, Part, Parts, Record, member
from pacha.registry.card_values import Number
from pacha.registry.datasheet import Step

#: TOML has no null.
TABLE = Free(has_null=False)
REFERENCES = Texts("a reference or a list of references", is_set=True)
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(.*)", re.DOTALL)


def split_requirement(text: str) -> tuple[str, str]:
    """A package's name, and what is asked of it.

    >>> split_requirement("numpy==1.26.0"), split_requirement("rich")
    (('numpy', '==1.26.0'), ('rich', ''))
    """
    match = _REQUIREMENT.fullmatch(text)
    return (match[1], match[2].strip()) if match else (text, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameters(Record):
    """Numbers that steer training. What is not named here goes to `custom`."""

    REST: ClassVar[str] = "custom"

    learning_rate: Number | None = member(Amount(), "the size of a step", also=("lr",))
    batch_size: int | None = member(Whole(), "examples a step")
    epochs: int | None = member(Whole(), "passes over the data", also=("num_epochs", "n_epochs"))
    weight_decay: Number | None = member(Amount(), "the pull of weights towards zero")
    max_grad_norm: Number | None = member(Amount(), "the length to which gradients are cut")
    warmup_steps: int | None = member(Whole(), "steps until the full learning rate")
    custom: Mapping[str, Any] = member(TABLE, "any other, by name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimizer(Record):
    """The optimiser. What is not named here goes to `params`."""

    SHORT: ClassVar[str | None] = "optimizer_type"
    REST: ClassVar[str] = "params"

    optimizer_type: str | None = member(Text(), "which one: adamw, sgd, …", is_required=True, also=("type", "name"))
    params: Mapping[str, Any] = member(TABLE, "its settings")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduler(Record):
    """How the learning rate changes. What is not named here goes to `params`."""

    SHORT: ClassVar[str | None] = "scheduler_type"
    REST: ClassVar[str] = "params"

    scheduler_type: str | None = member(Text(), "which one: cosine, linear, …", is_required=True, also=("type", "name"))
    params: Mapping[str, Any] = member(TABLE, "its settings")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss(Record):
    """What is made small. What is not named here goes to `params`."""

    SHORT: ClassVar[str | None] = "loss_type"
    REST: ClassVar[str] = "params"

    loss_type: str | None = member(Text(), "which one: cross_entropy, mse, …", is_required=True, also=("type", "name"))
    params: Mapping[str, Any] = member(TABLE, "its settings")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies(Record):
    """The software that training needs."""

    python_version: str | None = member(Text(), "the version of Python: 3.11, 3.11.4, >=3.10", also=("python",))
    lock_hash: str | None = member(Text(), "the BLAKE3 of the lock file")
    packages: Mapping[str, str] = member(TextTable(split=split_requirement), "packages and their versions")
    system_deps: tuple[str, ...] = member(Texts(), "what the system must have")
    env_vars: Mapping[str, str] = member(
        TextTable(split=lambda text: (text, "")), "environment variables; an empty one is recorded from the environment"
    )
    rust_version: str | None = member(Text(), "the version of Rust")
    cargo_lock_hash: str | None = member(Text(), "the BLAKE3 of Cargo.lock")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu(Record):
    """Graphics processors. Units: GiB of memory on each."""

    count: int | None = member(Whole(), "how many")
    min_vram_gb: Number | None = member(Amount(), "memory on each")
    compute_capability: str | None = member(Text(), "at least this: 8.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware(Record):
    """The machine that training needs. Units: GiB, seconds."""

    min_cpu_cores: int | None = member(Whole(), "processor cores")
    min_ram_gb: Number | None = member(Amount(), "memory")
    gpu: Gpu | None = member(Part(Gpu), "graphics processors")
    estimated_duration_secs: Number | None = member(Amount(), "how long it takes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe(CardRecord):
    """How a model is trained.

    >>> Recipe(hyperparameters={"learning_rate": 1e-3, "dropout": 0.1}).hyperparameters.custom
    {'dropout': 0.1}
    """

    name: str | None = member(Checked("a name", check_name), "its name; the file's, if it is left out")
    version: str | None = member(Checked("a version", Version.parse), "its version; may be given when it is registered")
    description: str | None = member(Text(), "what it trains")
    architecture: str | None = member(Text(), "the model's architecture")
    hyperparameters: Hyperparameters = member(Part(Hyperparameters, is_always=True), "numbers that steer training")
    optimizer: Optimizer | None = member(Part(Optimizer), "the optimiser", also=("optimiser",))
    scheduler: Scheduler | None = member(Part(Scheduler), "how the learning rate changes")
    loss: Loss | None = member(Part(Loss), "what is made small")
    train_data: tuple[str, ...] = member(
        REFERENCES, "the datasets to train on", role="trained_on", also=("training_data",)
    )
    validation_data: tuple[str, ...] = member(
        REFERENCES, "the datasets to validate on", role="validated_on", also=("val_data",)
    )
    preprocessing: tuple[Step, ...] = member(Parts(Step), "what is done to the data first, in order")
    augmentation: tuple[Step, ...] = member(Parts(Step), "what is done to examples at random, in order")
    command: tuple[str, ...] | str | None = member(Command(), "the program that trains, with its arguments")
    dependencies: Dependencies = member(Part(Dependencies, is_always=True), "the software that it needs")
    hardware: Hardware | None = member(Part(Hardware), "the machine that it needs")
    random_seed: int | None = member(Whole(), "the seed of all randomness", also=("seed",))
    deterministic: bool = member(Flag(), "whether equal inputs give equal bytes")
    expected_metrics: Mapping[str, Number] = member(Numbers(), "what a run should reach, by name")
    extra: Mapping[str, Any] = member(TABLE, "anything else")
