"""TensorFlow Lite: a FlatBuffer with the identifier TFL3. Only that is looked at: its tables are not read."""

from pacha.formats.inspection import Inspection, Malformed, Source

FORMATS = ("tflite",)
IDENTIFIER = b"TFL3"


def inspect_source(name: str, source: Source) -> Inspection:
    """That it is one. Errors: `Malformed`."""
    del name
    head = source.read(0, 8)
    if head[4:8] != IDENTIFIER or not 8 <= int.from_bytes(head[:4], "little") < source.size:
        raise Malformed("does not have the identifier TFL3")
    return Inspection(format="tflite", summary={"format": "tflite", "schema_version": 3})
