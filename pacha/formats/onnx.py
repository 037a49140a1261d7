"""ONNX: the messages of a model, walked without its weights: graph, inputs, outputs, initializers, operators.

Source: onnx.proto of the ONNX project (ModelProto, GraphProto, TensorProto, NodeProto, ValueInfoProto).
"""

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
DTYPES = {
    1: "F32", 2: "U8", 3: "I8", 4: "U16", 5: "I16", 6: "I32", 7: "I64", 8: "STRING", 9: "BOOL", 10: "F16", 11: "F64",
    12: "U32", 13: "U64", 14: "C64", 15: "C128", 16: "BF16", 17: "F8_E4M3", 18: "F8_E4M3FNUZ", 19: "F8_E5M2",
    20: "F8_E5M2FNUZ", 21: "U4", 22: "I4", 23: "F4",
}  # fmt: skip


def inspect_source(name: str, source: Source) -> Inspection:
    """Versions, operators, inputs, outputs and initializers. Errors: `Malformed`."""
    del name
    wire = Wire(source)
    facts: dict[str, Any] = {}
    opsets: dict[str, int] = {}
    metadata: dict[str, str] = {}
    graph: dict[str, Any] | None = None
    for field in wire.fields(0, source.size):
        if field.number == 1 and field.kind == VARINT:
            facts["ir_version"] = number(field.value)
        elif field.number in (2, 3, 4) and field.kind == BYTES:
            facts[{2: "producer", 3: "producer_version", 4: "domain"}[field.number]] = text(wire.text(field))
        elif field.number == 7 and field.kind == BYTES:
            graph = _graph(wire, field)
        elif field.number == 8 and field.kind == BYTES:
            domain, version = _opset(wire, field)
            opsets[domain or "ai.onnx"] = version
            if len(opsets) > OPSETS_MAX:
                raise Malformed(f"more than {OPSETS_MAX} sets of operators")
        elif field.number == 14 and field.kind == BYTES and len(metadata) < METADATA_MAX:
            key, value = _pair(wire, field)
            metadata[key] = value
    if graph is None or "ir_version" not in facts:
        raise Malformed("has no graph or no version, so it is no ONNX model")
    rows = graph.pop("tensors")
    summary = {
        "format": "onnx", **{key: value for key, value in facts.items() if value != ""}, "opsets": opsets,
        "nodes": graph["nodes"], **(summary_of(rows) if rows else {}),
        **({"external": len(graph["external"])} if graph["external"] else {}),
    }  # fmt: skip
    return Inspection(format="onnx", summary=summary, detail={"tensors": rows, "graph": graph, "metadata": metadata})


def _graph(wire: Wire, message: Field) -> dict[str, Any]:
    operators: dict[str, int] = {}
    rows: list[dict[str, Any]] = []
    external: set[str] = set()
    values: dict[str, list[dict[str, Any]]] = {"inputs": [], "outputs": []}
    name, nodes = "", 0
    for field in wire.fields(message.start, message.start + message.length):
        if field.kind != BYTES:
            continue
        if field.number == 1:
            nodes += 1
            if nodes > NODES_MAX:
                raise Malformed(f"more than {NODES_MAX} nodes")
            operator = _operator(wire, field)
            operators[operator] = operators.get(operator, 0) + 1
            if len(operators) > OPERATORS_MAX:
                raise Malformed(f"more than {OPERATORS_MAX} kinds of operators")
        elif field.number == 2:
            name = text(wire.text(field))
        elif field.number == 5:
            if len(rows) >= TENSORS_MAX:
                raise Malformed(f"more than {TENSORS_MAX} initializers")
            rows.append(_initializer(wire, field, external))
        elif field.number in (11, 12):
            listed = values["inputs" if field.number == 11 else "outputs"]
            if len(listed) < VALUES_MAX:
                listed.append(_value(wire, field))
    return {"name": name, "nodes": nodes, "operators": dict(sorted(operators.items())), **values, "tensors": rows,
            "external": sorted(external)}  # fmt: skip


def _operator(wire: Wire, message: Field) -> str:
    operator = domain = ""
    for field in wire.fields(message.start, message.start + message.length):
        if field.kind == BYTES and field.number in (4, 7):
            found = text(wire.text(field, 256))
            operator, domain = (found, domain) if field.number == 4 else (operator, found)
    return f"{domain}.{operator}" if domain and domain != "ai.onnx" else operator


def _initializer(wire: Wire, message: Field, external: set[str]) -> dict[str, Any]:
    shape: list[int] = []
    dtype, name = 0, ""
    place: dict[str, int] = {}
    for field in wire.fields(message.start, message.start + message.length):
        if field.number == 1:
            shape.extend(_numbers(wire, field))
            if len(shape) > DIMENSIONS_MAX or any(size < 0 for size in shape):
                raise Malformed("an initializer's shape is none")
        elif field.number == 2 and field.kind == VARINT:
            dtype = field.value
        elif field.number == 8 and field.kind == BYTES:
            name = text(wire.text(field))
        elif field.number == 9 and field.kind == BYTES:
            place = {"offset": field.start, "bytes": field.length}
        elif field.number == 13 and field.kind == BYTES:
            key, value = _pair(wire, field)
            if key == "location" and len(external) < VALUES_MAX:
                external.add(value)
    return tensor(name, DTYPES.get(dtype, _UNKNOWN_TYPE), shape, **place)


def _numbers(wire: Wire, field: Field) -> list[int]:
    """A repeated number, packed or not."""
    if field.kind == VARINT:
        return [signed(field.value)]
    if field.length > DIMENSIONS_MAX * 10:
        raise Malformed("a shape of too many dimensions")
    found, at, end = [], field.start, field.start + field.length
    while at < end:
        value, at = wire.varint(at, end)
        found.append(signed(value))
    return found


def _value(wire: Wire, message: Field) -> dict[str, Any]:
    """An input or output: its name, element type and shape, where a dimension may be a word."""
    found: dict[str, Any] = {"name": "", "dtype": "", "shape": []}
    for field in wire.fields(message.start, message.start + message.length):
        if field.number == 1 and field.kind == BYTES:
            found["name"] = text(wire.text(field))
        elif field.number == 2 and field.kind == BYTES:
            for inner in wire.fields(field.start, field.start + field.length):
                if inner.number == 1 and inner.kind == BYTES:
                    _tensor_type(wire, inner, found)
    return found


def _tensor_type(wire: Wire, message: Field, found: dict[str, Any]) -> None:
    for field in wire.fields(message.start, message.start + message.length):
        if field.number == 1 and field.kind == VARINT:
            found["dtype"] = DTYPES.get(field.value, _UNKNOWN_TYPE)
        elif field.number == 2 and field.kind == BYTES:
            for dimension in wire.fields(field.start, field.start + field.length):
                if dimension.number == 1 and dimension.kind == BYTES and len(found["shape"]) < DIMENSIONS_MAX:
                    found["shape"].append(_dimension(wire, dimension))


def _dimension(wire: Wire, message: Field) -> int | str:
    for field in wire.fields(message.start, message.start + message.length):
        if field.number == 1 and field.kind == VARINT:
            return number(signed(field.value))
        if field.number == 2 and field.kind == BYTES:
            return text(wire.text(field, 256))
    return "?"


def _opset(wire: Wire, message: Field) -> tuple[str, int]:
    domain, version = "", 0
    for field in wire.fields(message.start, message.start + message.length):
        if field.number == 1 and field.kind == BYTES:
            domain = text(wire.text(field, 256))
        elif field.number == 2 and field.kind == VARINT:
            version = field.value if field.value < 2**31 else 0
    return domain, version


def _pair(wire: Wire, message: Field) -> tuple[str, str]:
    key = value = ""
    for field in wire.fields(message.start, message.start + message.length):
        if field.kind == BYTES and field.number in (1, 2):
            found = text(wire.text(field))
            key, value = (found, value) if field.number == 1 else (key, found)
    return key[:256], value
