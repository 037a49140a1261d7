"""Keras: the ZIP of version 3 with its configuration, or an HDF5 file, of which the superblock alone is read.

A Lambda layer holds Python code as a text or as bytes; it is named with a warning and never decoded.
Source: the Keras 3 saving format; the HDF5 file format specification, section II.A.
"""

import json
from typing import Any

from pacha.formats.inspection import Inspection, Malformed, Source
from pacha.formats.tensors import text
from pacha.formats.zips import members, read_member

FORMATS = ("keras",)
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
JSON_BYTES_MAX = 16 << 20
LAYERS_MAX = 50_000
CODE = "code: a Lambda layer holds Python code, and loading it can run it"
#: A superblock lies at the beginning, or at 512, 1024, … after what a user put before it.
_SUPERBLOCK_PLACES = (0, 512, 1024, 2048, 4096)


def inspect_source(name: str, source: Source) -> Inspection:
    """Configuration and layers, or what the superblock says. Errors: `Malformed`."""
    del name
    if source.read(0, 4) == b"PK\x03\x04":
        return _zip(source)
    return _hdf5(source)


def _zip(source: Source) -> Inspection:
    there = {member.name: member for member in members(source)}
    if "config.json" not in there:
        raise Malformed("a ZIP archive without config.json")
    config = _json(read_member(source, there["config.json"], size_max=JSON_BYTES_MAX))
    about = {}
    if "metadata.json" in there:
        about = _json(read_member(source, there["metadata.json"], size_max=JSON_BYTES_MAX))
    layers = _layers(config)
    metadata = {text(key): text(value) for key, value in about.items() if isinstance(value, (str, int, float))}
    summary = {
        "format": "keras", "architecture": text(config.get("class_name", "")), "layers": len(layers),
        **({"metadata": metadata} if metadata else {}),
    }  # fmt: skip
    weights = [{"name": text(member.name), "bytes": member.size} for member in list(there.values())[:1_000]]
    warnings = (CODE,) if any(layer["class"].endswith("Lambda") for layer in layers) else ()
    return Inspection(
        format="keras", summary=summary, detail={"layers": layers, "members": weights, "metadata": metadata},
        warnings=warnings,
    )  # fmt: skip


def _json(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Malformed("its configuration is not JSON") from error
    if not isinstance(value, dict):
        raise Malformed("its configuration is no table")
    return value


def _layers(config: dict[str, Any]) -> list[dict[str, str]]:
    """Every layer of a configuration, those inside other models included."""
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
                found.append({"name": text(inner.get("name", "")), "class": text(name)})
            todo.extend(reversed(layers) if isinstance(layers, list) else [])
    return found


def _hdf5(source: Source) -> Inspection:
    place = next((at for at in _SUPERBLOCK_PLACES if source.read(at, 8) == HDF5_MAGIC), None)
    if place is None:
        raise Malformed("neither a ZIP archive nor an HDF5 file")
    head = source.read(place, 64)
    if len(head) < 48:
        raise Malformed("its superblock is cut off")
    version = head[8]
    if version > 3:
        raise Malformed(f"superblock version {version} is not known")
    # Versions 0 and 1 keep the sizes of offsets at 13, later ones at 9; the end of the file is the third address.
    width = head[13] if version < 2 else head[9]
    if width not in (2, 4, 8):
        raise Malformed("its superblock has offsets of no known size")
    start = 24 + 2 * width + (4 if version == 1 else 0) if version < 2 else 12 + 2 * width
    end = int.from_bytes(head[start : start + width], "little")
    if end > source.size:
        raise Malformed(f"it ends at {end} by its superblock, and has {source.size} bytes")
    return Inspection(
        format="hdf5", summary={"format": "hdf5", "superblock": version},
        detail={"note": "only the superblock of HDF5 is read: layers and weights are not listed"},
    )  # fmt: skip
