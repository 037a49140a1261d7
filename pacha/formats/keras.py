"""Keras: the ZIP of version 3, with its configuration and its weights, or an HDF5 file with or without one.

A Lambda layer holds Python code as a text or as bytes; it is named with a warning and never decoded.
Source: the Keras 3 saving format (keras/src/saving/saving_lib.py) and the older one (legacy_h5_format.py).
"""

import json
from typing import Any

from pacha.formats.hdf5 import Contents, read_hdf5
from pacha.formats.hdf5_values import shortened
from pacha.formats.inspection import Inspection, Malformed, Source
from pacha.formats.tensors import summary_of, tensor, text
from pacha.formats.zips import MAGIC, Archive

FORMATS = ("keras",)
JSON_BYTES_MAX = 16 << 20
#: Weights that are packed inside the ZIP are held in memory to be looked at; Keras itself does not pack them.
WEIGHTS_BYTES_MAX = 64 << 20
LAYERS_MAX = 50_000
CODE = "code: a Lambda layer holds Python code, and loading it can run it"
_MEMBERS_SHOWN = 1_000
#: What wraps a layer names it so: a Lambda hides nowhere else.
_WRAPPED = ("layer", "forward_layer", "backward_layer", "cell", "cells")
_CONFIGURATIONS = ("model_config", "training_config")


def inspect_source(name: str, source: Source) -> Inspection:
    """Configuration, layers and weights. Errors: `Malformed`."""
    del name
    return _archive(source) if source.read(0, 4) == MAGIC else _hdf5(source)


def _archive(source: Source) -> Inspection:
    archive = Archive(source)
    if "config.json" not in archive:
        raise Malformed("a ZIP archive without config.json")
    config = _json(archive.read(archive["config.json"], size_max=JSON_BYTES_MAX))
    about: dict[str, Any] = {}
    if "metadata.json" in archive:
        about = _json(archive.read(archive["metadata.json"], size_max=JSON_BYTES_MAX))
    rows: list[dict[str, Any]] = []
    warnings: list[str] = []
    for member in archive.members:
        if member.name.endswith(".weights.h5"):
            part, notes = _weights(archive, member.name)
            rows += part
            warnings += notes
    members = [{"name": text(member.name), "bytes": member.size} for member in archive.members[:_MEMBERS_SHOWN]]
    metadata = {text(key): text(value) for key, value in about.items() if isinstance(value, (str, int, float))}
    return _inspection("keras", config, rows, {"metadata": metadata, "members": members}, warnings)


def _weights(archive: Archive, name: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The tensors of a member that is an HDF5 file, placed in the whole; and what was not read."""
    member = archive[name]
    try:
        found = read_hdf5(archive.source(member, size_max=WEIGHTS_BYTES_MAX))
    except Malformed as error:
        return [], [f"not followed: {text(name)}: {error.message}"]
    start = archive.offset(member) if member.is_stored else None
    return _rows(found, start), _notes(found)


def _hdf5(source: Source) -> Inspection:
    found = read_hdf5(source)
    config = found.attributes.get("model_config")
    is_keras = isinstance(config, str) or "keras_version" in found.attributes
    metadata = {
        text(key): shortened(value) for key, value in found.attributes.items() if key not in _CONFIGURATIONS
    }  # fmt: skip
    detail = {"metadata": metadata, "groups": found.groups, "superblock": found.superblock}
    return _inspection(
        "keras" if is_keras else "hdf5", _json(config.encode()) if isinstance(config, str) else {}, _rows(found, 0),
        detail, _notes(found),
    )  # fmt: skip


def _inspection(
    format: str, config: dict[str, Any], rows: list[dict[str, Any]], detail: dict[str, Any], warnings: list[str]
) -> Inspection:
    layers = _layers(config)
    summary: dict[str, Any] = {"format": format, **(summary_of(rows) if rows else {})}
    if isinstance(config.get("class_name"), str):
        summary |= {"architecture": text(config["class_name"])[:200], "layers": len(layers)}
    about = {
        key: value for key, value in detail["metadata"].items() if key in ("keras_version", "backend", "date_saved")
    }
    summary |= {"metadata": about} if about else {}
    if any(layer["class"].rpartition(">")[2] == "Lambda" for layer in layers):
        warnings = [CODE, *warnings]
    detail = {"tensors": rows, "layers": layers, **detail}
    return Inspection(format=format, summary=summary, detail=detail, warnings=tuple(warnings))


def _rows(found: Contents, start: int | None) -> list[dict[str, Any]]:
    """Tensors by their paths. `start` is where the HDF5 file begins, or None where it has no place."""
    rows = []
    for item in found.datasets:
        row = tensor(item.path, item.dtype, item.shape)
        if start is not None and item.offset is not None and item.length is not None:
            row |= {"offset": start + item.offset, "bytes": item.length}
        rows.append(row)
    return rows


def _notes(found: Contents) -> list[str]:
    return [note if note.startswith("external: ") else f"not followed: {note}" for note in found.notes]


def _json(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Malformed("its configuration is not JSON") from error
    if not isinstance(value, dict):
        raise Malformed("its configuration is no table")
    return value


def _layers(config: dict[str, Any]) -> list[dict[str, str]]:
    """Every layer of a configuration, those inside other models and wrappers included."""
    found: list[dict[str, str]] = []
    todo: list[Any] = [config]
    while todo and len(found) < LAYERS_MAX:
        item = todo.pop()
        if isinstance(item, list):
            todo.extend(reversed(item))
        elif isinstance(item, dict):
            inner = item.get("config")
            layers = inner.get("layers") if isinstance(inner, dict) else None
            name = item.get("class_name")
            if isinstance(name, str) and isinstance(inner, dict) and not isinstance(layers, list):
                found.append({"name": text(inner.get("name", ""))[:200], "class": text(name)[:200]})
                todo.extend(inner[key] for key in _WRAPPED if key in inner)
            todo.extend(reversed(layers) if isinstance(layers, list) else [])
    return found
