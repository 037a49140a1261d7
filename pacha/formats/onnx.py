"""ONNX: the messages of a model, walked without its weights: graph, inputs, outputs, initializers, operators.

Graphs inside nodes, such as the branches of an `If`, count with their operators, initializers and constants: some
exporters keep all weights there.
Source: onnx.proto of the ONNX project (ModelProto, GraphProto, TensorProto, NodeProto, ValueInfoProto).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

from pacha.formats.inspection import Inspection, Malformed, Source
from pacha.formats.protobuf import BYTES, VARINT, Field, Wire, signed
from pacha.formats.tensors import METADATA_MAX, TENSORS_MAX, number, summary_of, tensor, text

FORMATS = ("onnx",)
NODES_MAX = 2_000_000
DIMENSIONS_MAX = 64
VALUES_MAX = 10_000
#: All of ONNX has some two hundred operators.
OPERATORS_MAX = 5_000
#: A model uses two or three sets of operators.
OPSETS_MAX = 50
#: What stands for a type that this table does not know.
_UNKNOWN_TYPE = "unknown"
#: Where a tensor outside lies is told in words; a number of nineteen digits is beyond any file.
_BESIDE, _PLACE = ("location", "offset", "length"), re.compile("[0-9]{1,18}")
_FACTS = {2: "producer", 3: "producer_version", 4: "domain"}
DTYPES = {
    1: "F32", 2: "U8", 3: "I8", 4: "U16", 5: "I16", 6: "I32", 7: "I64", 8: "STRING", 9: "BOOL", 10: "F16", 11: "F64",
    12: "U32", 13: "U64", 14: "C64", 15: "C128", 16: "BF16", 17: "F8_E4M3", 18: "F8_E4M3FNUZ", 19: "F8_E5M2",
    20: "F8_E5M2FNUZ", 21: "U4", 22: "I4", 23: "F4",
}  # fmt: skip
#: Bytes of an element, where each has its own.
_WIDTHS = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 14: 8, 15: 16, 16: 2}


@dataclass(slots=True)
class _Seen:
    """What was found in a model, over all its graphs."""

    facts: dict[str, Any] = field(default_factory=dict)
    opsets: dict[str, int] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    name: str = ""
    nodes: int = 0
    all_nodes: int = 0
    subgraphs: int = 0
    functions: int = 0
    operators: dict[str, int] = field(default_factory=dict)
    values: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {"inputs": [], "outputs": []})
    rows: list[dict[str, Any]] = field(default_factory=list)
    constants: list[dict[str, Any]] = field(default_factory=list)
    external: set[str] = field(default_factory=set)
    beside: list[dict[str, Any]] = field(default_factory=list)

    def graph(self) -> dict[str, Any]:
        """The graph without its tensors."""
        counts = {"subgraphs": self.subgraphs, "functions": self.functions}
        return {
            "name": self.name, "nodes": self.nodes, "operators": dict(sorted(self.operators.items())), **self.values,
            "external": sorted(self.external), **{key: count for key, count in counts.items() if count},
        }  # fmt: skip


def inspect_source(name: str, source: Source) -> Inspection:
    """Versions, operators, inputs, outputs and tensors. Errors: `Malformed`."""
    del name
    seen = _walked(source)
    rows = seen.rows + seen.constants
    summary = {
        "format": "onnx", **{key: value for key, value in seen.facts.items() if value != ""}, "opsets": seen.opsets,
        "nodes": seen.nodes, **(summary_of(rows) if rows else {}),
        **({"external": len(seen.external)} if seen.external else {}),
    }  # fmt: skip
    outside = sorted(path for path in seen.external if path.startswith(("/", "\\")) or ".." in path or ":" in path)
    warnings = (f"external: its tensors lie outside its folder, in {outside[0]!r:.200}",) if outside else ()
    detail = {"tensors": rows, "graph": seen.graph(), "metadata": seen.metadata}
    return Inspection(format="onnx", summary=summary, detail=detail, warnings=warnings)


def external_rows(source: Source) -> list[dict[str, Any]]:
    """The tensors that a model keeps in files beside it, each with its `location`. Errors: `Malformed`."""
    return _walked(source).beside


def _walked(source: Source) -> _Seen:
    wire, seen, graphs = Wire(source), _Seen(), 0
    for part in wire.fields(0, source.size):
        if part.number == 7 and part.kind == BYTES:
            graphs += 1
            _graphs(wire, part, seen)
        elif part.number == 25 and part.kind == BYTES:
            seen.functions += 1
            _graphs(wire, part, seen, nodes_in=7)
        else:
            _about(wire, part, seen)
    if graphs != 1 or "ir_version" not in seen.facts:
        raise Malformed("has no graph, or several, or no version, so it is no ONNX model")
    return seen


def _about(wire: Wire, part: Field, seen: _Seen) -> None:
    """A field of the model itself: its version, its producer, what it needs."""
    if part.number == 1 and part.kind == VARINT:
        seen.facts["ir_version"] = number(part.value)
    elif part.number in _FACTS and part.kind == BYTES:
        seen.facts[_FACTS[part.number]] = text(wire.text(part, 4_096))[:200]
    elif part.number == 8 and part.kind == BYTES:
        domain, version = _opset(wire, part)
        seen.opsets[domain or "ai.onnx"] = version
        if len(seen.opsets) > OPSETS_MAX:
            raise Malformed(f"more than {OPSETS_MAX} sets of operators")
    elif part.number == 14 and part.kind == BYTES and len(seen.metadata) < METADATA_MAX:
        key, value = _pair(wire, part)
        seen.metadata[key] = value


def _graphs(wire: Wire, message: Field, seen: _Seen, *, nodes_in: int = 1) -> None:
    """A graph and, one after the other, those inside its nodes. A function keeps its nodes in another field."""
    todo: list[tuple[str | None, Field, int]] = [(None, message, nodes_in)]
    while todo:
        prefix, graph, nodes_in = todo.pop()
        name, inner = _graph(wire, graph, seen, prefix, nodes_in)
        if prefix is None and nodes_in == 1:
            seen.name = name
        seen.subgraphs += len(inner)
        if seen.subgraphs > NODES_MAX:
            raise Malformed(f"more than {NODES_MAX} graphs inside nodes")
        todo.extend((f"{place}/", part, 1) for place, part in reversed(inner))


def _graph(
    wire: Wire, message: Field, seen: _Seen, prefix: str | None, nodes_in: int
) -> tuple[str, list[tuple[str, Field]]]:
    """One graph; its name, and the graphs inside its nodes with the names of their nodes."""
    name, inner = "", []
    for part in wire.fields(message.start, message.start + message.length):
        if part.kind != BYTES:
            continue
        if part.number == nodes_in:
            seen.nodes += 1 if prefix is None and nodes_in == 1 else 0
            seen.all_nodes += 1
            if seen.all_nodes > NODES_MAX:
                raise Malformed(f"more than {NODES_MAX} nodes")
            inner += _node(wire, part, seen, prefix or "")
        elif nodes_in != 1:
            continue
        elif part.number == 2:
            name = text(wire.text(part))
        elif part.number == 5:
            if len(seen.rows) >= TENSORS_MAX:
                raise Malformed(f"more than {TENSORS_MAX} initializers")
            seen.rows.append(_tensor(wire, part, seen, prefix or ""))
        elif part.number in (11, 12) and prefix is None:
            listed = seen.values["inputs" if part.number == 11 else "outputs"]
            if len(listed) < VALUES_MAX:
                listed.append(_value(wire, part))
    return name, inner


def _node(wire: Wire, message: Field, seen: _Seen, prefix: str) -> list[tuple[str, Field]]:
    """Counts a node's operator; returns the graphs in its attributes. A constant's tensor becomes a row."""
    operator = domain = output = ""
    attributes = []
    for part in wire.fields(message.start, message.start + message.length):
        if part.kind == BYTES and part.number in (4, 7):
            found = text(wire.text(part, 256))
            operator, domain = (found, domain) if part.number == 4 else (operator, found)
        elif part.kind == BYTES and part.number == 2 and not output:
            output = text(wire.text(part, 1_024))
        elif part.kind == BYTES and part.number == 5:
            attributes.append(part)
    shown = f"{domain}.{operator}" if domain and domain != "ai.onnx" else operator
    if shown not in seen.operators and len(seen.operators) >= OPERATORS_MAX:
        raise Malformed(f"more than {OPERATORS_MAX} kinds of operators")
    seen.operators[shown] = seen.operators.get(shown, 0) + 1
    inner = []
    for attribute in attributes:
        for part in wire.fields(attribute.start, attribute.start + attribute.length):
            if part.kind == BYTES and part.number in (6, 11):
                inner.append((f"{prefix}{output}"[:1_024], part))
            elif part.kind == BYTES and part.number == 5 and shown == "Constant":
                row = _tensor(wire, part, seen, prefix, name=output)
                # A single number is a parameter of an operator, not of the model.
                if row["shape"] and len(seen.constants) < TENSORS_MAX:
                    seen.constants.append(row)
    return inner


def _tensor(wire: Wire, message: Field, seen: _Seen, prefix: str, *, name: str = "") -> dict[str, Any]:
    shape: list[int] = []
    dtype = 0
    place: dict[str, int] = {}
    beside: dict[str, str] = {}
    for part in wire.fields(message.start, message.start + message.length):
        if part.number == 1:
            shape.extend(_numbers(wire, part))
            if len(shape) > DIMENSIONS_MAX or any(size < 0 for size in shape):
                raise Malformed("a tensor's shape is none")
        elif part.number == 2 and part.kind == VARINT:
            dtype = part.value
        elif part.number == 8 and part.kind == BYTES:
            name = name or text(wire.text(part, 1_024))
        elif part.number == 9 and part.kind == BYTES:
            place = {"offset": part.start, "bytes": part.length}
        elif part.number == 13 and part.kind == BYTES:
            key, value = _pair(wire, part)
            if key in _BESIDE:
                beside[key] = value
            if key == "location" and len(seen.external) < VALUES_MAX:
                seen.external.add(value)
    width = _WIDTHS.get(dtype)
    if place and width and prod(shape) * width != place["bytes"]:
        raise Malformed(f"{name!r:.80} of {shape} does not take {place['bytes']} bytes")
    row = tensor(prefix + name, DTYPES.get(dtype, _UNKNOWN_TYPE), shape, **place)
    if "location" in beside and len(seen.beside) < TENSORS_MAX:
        seen.beside.append(row | _outside(beside, prod(shape) * (width or 0)))
    return row


def _outside(beside: Mapping[str, str], size: int) -> dict[str, Any]:
    """The file in which a tensor lies, and where, if that is told in numbers. Without a length it is as long as its shape."""
    told = {"offset": beside.get("offset", "0"), "bytes": beside.get("length", str(size))}
    return {"location": beside["location"]} | {
        key: int(value) for key, value in told.items() if _PLACE.fullmatch(value)
    }


def _numbers(wire: Wire, part: Field) -> list[int]:
    """A repeated number, packed or not."""
    if part.kind == VARINT:
        return [signed(part.value)]
    if part.length > DIMENSIONS_MAX * 10:
        raise Malformed("a shape of too many dimensions")
    found, at, end = [], part.start, part.start + part.length
    while at < end:
        value, at = wire.varint(at, end)
        found.append(signed(value))
    return found


def _value(wire: Wire, message: Field) -> dict[str, Any]:
    """An input or output: its name, element type and shape, where a dimension may be a word."""
    found: dict[str, Any] = {"name": "", "dtype": "", "shape": []}
    for part in wire.fields(message.start, message.start + message.length):
        if part.number == 1 and part.kind == BYTES:
            found["name"] = text(wire.text(part))
        elif part.number == 2 and part.kind == BYTES:
            for inner in wire.fields(part.start, part.start + part.length):
                if inner.number == 1 and inner.kind == BYTES:
                    _tensor_type(wire, inner, found)
    return found


def _tensor_type(wire: Wire, message: Field, found: dict[str, Any]) -> None:
    for part in wire.fields(message.start, message.start + message.length):
        if part.number == 1 and part.kind == VARINT:
            found["dtype"] = DTYPES.get(part.value, _UNKNOWN_TYPE)
        elif part.number == 2 and part.kind == BYTES:
            for dimension in wire.fields(part.start, part.start + part.length):
                if dimension.number == 1 and dimension.kind == BYTES and len(found["shape"]) < DIMENSIONS_MAX:
                    found["shape"].append(_dimension(wire, dimension))


def _dimension(wire: Wire, message: Field) -> int | str:
    for part in wire.fields(message.start, message.start + message.length):
        if part.number == 1 and part.kind == VARINT:
            return number(signed(part.value))
        if part.number == 2 and part.kind == BYTES:
            return text(wire.text(part, 256))
    return "?"


def _opset(wire: Wire, message: Field) -> tuple[str, int]:
    domain, version = "", 0
    for part in wire.fields(message.start, message.start + message.length):
        if part.number == 1 and part.kind == BYTES:
            domain = text(wire.text(part, 256))
        elif part.number == 2 and part.kind == VARINT:
            version = part.value if part.value < 2**31 else 0
    return domain, version


def _pair(wire: Wire, message: Field) -> tuple[str, str]:
    key = value = ""
    for part in wire.fields(message.start, message.start + message.length):
        if part.kind == BYTES and part.number in (1, 2):
            found = text(wire.text(part))
            key, value = (found, value) if part.number == 1 else (key, found)
    return key[:256], value
