"""Pacha: Git for machine-learning artifacts.

`pacha.open()` gives the `Registry` of a project. What this module offers is imported when it is first asked for, so that
the command line starts without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pacha.api.artifact import Artifact as Artifact
    from pacha.api.registry import Registry as Registry
    from pacha.base.errors import PachaError as PachaError
    from pacha.formats.datatype import DataType as DataType
    from pacha.formats.schema import Column as Column
    from pacha.formats.schema import DataSchema as DataSchema
    from pacha.registry.cards import Datasheet as Datasheet
    from pacha.registry.cards import ModelCard as ModelCard
    from pacha.registry.cards import Recipe as Recipe

    open = Registry.open

__version__ = "0.1.0"
_HOMES = {
    "Artifact": "pacha.api.artifact",
    "Column": "pacha.formats.schema",
    "DataSchema": "pacha.formats.schema",
    "DataType": "pacha.formats.datatype",
    "Datasheet": "pacha.registry.cards",
    "ModelCard": "pacha.registry.cards",
    "PachaError": "pacha.base.errors",
    "Recipe": "pacha.registry.cards",
    "Registry": "pacha.api.registry",
}
__all__ = ["__version__", "open", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    """Imports what is asked for."""
    if name == "open":
        return import_module("pacha.api.registry").Registry.open
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'pacha' has no attribute {name!r}")


def __dir__() -> list[str]:
    """What there is."""
    return sorted(__all__)
