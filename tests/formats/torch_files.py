"""Files as torch.save lays them out, written without the library: its names stand in for it while they are pickled."""

import collections
import io
import pickle
import sys
import types
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod

import numpy as np

MAGIC_NUMBER, PROTOCOL_VERSION = 0x1950A86A20F9469CFC6C, 1001


class _Storage:
    def __init__(self, key: str, count: int) -> None:
        self.key, self.count = key, count


class _Tensor:
    def __init__(self, key: str, shape: tuple[int, ...], strides: tuple[int, ...] | None, count: int) -> None:
        self.storage, self.shape = _Storage(key, count), shape
        self.strides = tuple(prod(shape[at + 1 :]) for at in range(len(shape))) if strides is None else strides

    def __reduce__(self) -> object:
        rebuild = sys.modules["torch._utils"]._rebuild_tensor_v2  # type: ignore[attr-defined]
        return (rebuild, (self.storage, 0, self.shape, self.strides, False, collections.OrderedDict()))


@contextmanager
def _stand_in() -> Iterator[type]:
    before = {name: sys.modules.get(name) for name in ("torch", "torch._utils")}
    for name in before:
        sys.modules[name] = types.ModuleType(name)

    def _rebuild_tensor_v2(*arguments: object) -> None:
        return None

    storage = type("FloatStorage", (), {"__module__": "torch"})
    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    sys.modules["torch"].FloatStorage = storage  # type: ignore[attr-defined]
    sys.modules["torch._utils"]._rebuild_tensor_v2 = _rebuild_tensor_v2  # type: ignore[attr-defined]
    try:
        yield storage
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def _pickled(value: object, protocol: int, *, is_old: bool = False) -> bytes:
    out = io.BytesIO()
    with _stand_in() as storage:

        class Pickler(pickle.Pickler):
            def persistent_id(self, item: object) -> object:
                if not isinstance(item, _Storage):
                    return None
                identity = ("storage", storage, item.key, "cpu", item.count)
                return (*identity, None) if is_old else identity

        Pickler(out, protocol).dump(value)
    return out.getvalue()


def torch_file(protocol: int = 2, *, shape: tuple[int, ...] = (2, 3), strides: tuple[int, ...] | None = None) -> bytes:
    """A checkpoint as a ZIP archive: two tensors, of six and of two numbers."""
    state = collections.OrderedDict(
        [("layer.weight", _Tensor("0", shape, strides, 6)), ("layer.bias", _Tensor("1", (2,), None, 2))]
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", _pickled({"state_dict": state, "epoch": 3}, protocol))
        archive.writestr("archive/data/0", np.arange(6, dtype="<f4").tobytes())
        archive.writestr("archive/data/1", np.ones(2, "<f4").tobytes())
        archive.writestr("archive/version", "3\n")
    return out.getvalue()


def legacy_file(shapes: Mapping[str, tuple[int, ...]]) -> bytes:
    """A checkpoint as a row of pickles; the numbers of the first tensor are all 0, of the second 1, and so on."""
    tensors = [_Tensor(f"key{at}", shape, None, prod(shape)) for at, shape in enumerate(shapes.values())]
    state = collections.OrderedDict(zip(shapes, tensors, strict=True))
    parts = [MAGIC_NUMBER, PROTOCOL_VERSION, {"little_endian": True}]
    data = b"".join(pickle.dumps(part, 2) for part in parts) + _pickled(state, 2, is_old=True)
    data += pickle.dumps([tensor.storage.key for tensor in tensors], 2)
    for number, shape in enumerate(shapes.values()):
        data += prod(shape).to_bytes(8, "little") + np.full(prod(shape), number, "<f4").tobytes()
    return data
