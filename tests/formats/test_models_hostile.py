"""Pickles, archives and graphs that are made to deceive or to exhaust: each is told within bounds, and nothing runs."""

import io
import pickle
import zipfile

import pytest
from onnx import TensorProto, helper

from pacha.base.canonical import encode_compact
from pacha.formats.inspect import inspect
from pacha.formats.inspection import BytesSource, Inspection
from pacha.formats.onnx import OPERATORS_MAX
from pacha.formats.pickle_safety import is_harmless
from pacha.formats.pickle_values import Imported
from pacha.formats.pytorch import PICKLES_MAX

STATE_OF_ONE = (
    b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storage"
    b"ctorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x06tQK\x00K\x02K\x03\x86K\x03K\x01\x86\x89"
    b"ccollections\nOrderedDict\n)RtRs."
)


def of(name: str, data: bytes) -> Inspection:
    found = inspect(name, BytesSource(data))
    assert found is not None
    encode_compact({"summary": dict(found.summary), "detail": dict(found.detail), "warnings": list(found.warnings)})
    return found


def archive(members: dict[str, bytes], packing: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packing) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return out.getvalue()


def checkpoint(body: bytes) -> bytes:
    return archive({"archive/data.pkl": body})


def value(thing: object) -> bytes:
    """The opcodes that make a value, without what begins and ends a pickle."""
    return pickle.dumps(thing, 2)[2:-1]


def imported(module: str, name: str) -> bytes:
    words = b"".join(b"\x8c" + bytes([len(word)]) + word.encode() for word in (module, name))
    return b"\x80\x04" + words + b"\x93."


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("posix", "system"),
        ("builtins", "eval"),
        ("sklearn.utils", "os.system"),
        ("sklearn.utils", "subprocess.Popen"),
        ("pandas.core.computation.eval", "eval"),
        ("collections", "OrderedDict.__init__.__globals__"),
        ("torch", "hub.load"),
        ("__torch__", "os.system"),
        ("torch", "evil.FloatStorage"),
    ],
)
def test_an_import_that_can_run_code_is_suspicious_however_it_is_spelled(module: str, name: str) -> None:
    for data in (imported(module, name), f"\x80\x04c{module}\n{name}\n.".encode("latin-1")):
        assert any(warning.startswith("suspicious import: ") for warning in of("m.pkl", data).warnings)


def test_classes_of_known_libraries_are_not_suspicious() -> None:
    for module, name in (
        ("sklearn.ensemble._forest", "RandomForestClassifier"),
        ("sklearn.tree._tree", "Tree"),
        ("pandas.core.frame", "DataFrame"),
        ("pandas.core.indexes.base", "_new_Index"),
        ("torch", "FloatStorage"),
        ("collections", "OrderedDict"),
        ("__torch__.torch.nn.modules.rnn", "LSTMCell"),
        ("torch.jit._pickle", "build_intlist"),
    ):
        assert of("m.pkl", imported(module, name)).warnings == ("pickle: loading it runs code",)
    assert not is_harmless(Imported("sklearn.utils.fixes", "eval"))


def test_an_import_by_number_is_suspicious() -> None:
    for data in (b"\x80\x02\x82\x01.", b"\x80\x02\x83\x01\x00.", b"\x80\x02\x84\x01\x00\x00\x00."):
        assert any("registry of extensions" in warning for warning in of("m.pkl", data).warnings)


def test_a_name_that_is_made_while_loading_is_suspicious() -> None:
    below = b"\x80\x04\x8c\x05posix\x8c\x06systemNN00\x93."
    assert "suspicious import: posix.system" in of("m.pkl", below).warnings
    data = b"\x80\x04\x8c\x05posixN\x93."
    assert "suspicious import: (a name that is made while loading)" in of("m.pkl", data).warnings


@pytest.mark.parametrize("end", [b"", b"\xff", b"\x8c\xff", b"\x95\xff\xff"])
def test_a_pickle_that_is_cut_or_unknown_says_that_it_was_not_followed(end: bytes) -> None:
    found = of("m.pkl", b"\x80\x04" + end)
    assert any(warning.startswith("not followed: ") for warning in found.warnings)


def test_no_warning_is_long() -> None:
    found = of("m.pkl", b"\x80\x02c" + b"m" * 100_000 + b"\nf\n.")
    assert max(map(len, found.warnings)) < 300


def test_a_tensor_of_a_checkpoint_is_listed_in_both_layouts() -> None:
    old = b"".join(pickle.dumps(word, 2) for word in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}))
    for data in (checkpoint(STATE_OF_ONE), old + STATE_OF_ONE + pickle.dumps(["0"], 2) + b"\6" + bytes(31)):
        found = of("m.pt", data)
        (row,) = found.detail["tensors"]
        assert (row["name"], row["dtype"], row["shape"]) == ("w", "F32", [2, 3]) and found.summary["parameters"] == 6
        assert found.warnings == ("pickle: loading it runs code",)


def test_numbers_without_end_are_no_shape_and_no_name() -> None:
    huge = value(1 << 40_000)
    shaped = STATE_OF_ONE.replace(b"K\x02K\x03\x86", b"K\x02" + huge + b"\x86")
    assert of("m.pt", checkpoint(shaped)).detail["tensors"] == []
    keyed = b"\x80\x02}" + huge + STATE_OF_ONE[2:-1] + b"s."
    (row,) = of("m.pt", checkpoint(keyed)).detail["tensors"]
    assert len(row["name"]) < 50


def test_names_do_not_add_up_without_end() -> None:
    inner = STATE_OF_ONE[2:-1]
    data = b"\x80\x02"
    for _ in range(4):
        data += b"}" + value("k" * 500_000)
    (row,) = of("m.pt", checkpoint(data + inner + b"s" * 4 + b".")).detail["tensors"]
    assert len(row["name"]) <= 1_024


def test_one_object_in_many_places_ends_soon() -> None:
    data = b"\x80\x02]q\x00"
    for level in range(7):
        data += b"](" + b"h" + bytes([level]) + (b"h" + bytes([level])) * 999 + b"eq" + bytes([level + 1])
    found = of("m.pt", checkpoint(data + b"."))
    assert found.warnings == ("pickle: loading it runs code",) and not found.detail["tensors"]


def test_only_so_many_pickles_of_an_archive_are_looked_at() -> None:
    found = of("m.pt", archive({f"{number}/data.pkl": STATE_OF_ONE for number in range(PICKLES_MAX + 3)}))
    assert found.summary["tensors"] == PICKLES_MAX
    assert f"not followed: only {PICKLES_MAX} of {PICKLES_MAX + 3} pickles are looked at" in found.warnings


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_packed_in_an_unusual_way_is_told_not_read(packing: int) -> None:
    data = bytearray(archive({"archive/data.pkl": pickle.dumps(list(range(1000)))}, packing))
    data[60:90] = bytes(byte ^ 0x55 for byte in data[60:90])
    warning, *badge = of("m.pt", bytes(data)).warnings
    assert badge == ["pickle: loading it runs code"]
    assert warning.startswith("malformed: ") and "not read" in warning


def test_an_encrypted_member_is_told() -> None:
    data = bytearray(checkpoint(STATE_OF_ONE))
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + place] |= 1
    warning, *badge = of("m.pt", bytes(data)).warnings
    assert badge == ["pickle: loading it runs code"]
    assert warning.startswith("malformed: ")


def test_a_bomb_is_read_to_its_limit_only() -> None:
    data = archive({"archive/data.pkl": b"\x80\x02" + bytes(200 << 20)}, zipfile.ZIP_DEFLATED)
    found = of("m.pt", data)
    assert any(warning.startswith("not followed: ") for warning in found.warnings)


def test_a_directory_that_is_too_large_is_not_read() -> None:
    class Endless:
        """A file of a terabyte whose end says that nearly all of it is the directory."""

        size = 1 << 40

        def read(self, offset: int, length: int) -> bytes:
            assert length <= 64 << 20
            end = b"PK\x05\x06" + bytes(4) + b"\x01\x00\x01\x00" + b"\xf0\xff\xff\xff" + bytes(6)
            whole = b"PK\x03\x04" + bytes(max(0, length - 4)) if offset == 0 else bytes(length)
            return whole[: -len(end)] + end if offset + length == self.size else whole[:length]

    found = inspect("m.pt", Endless())
    assert found is not None and found.warnings[0].startswith("malformed: ")


def test_operators_without_end_are_refused() -> None:
    nodes = [helper.make_node(f"Op{number}", ["x"], ["x"]) for number in range(OPERATORS_MAX + 1)]
    info = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    model = helper.make_model(helper.make_graph(nodes, "g", [info], [info]))
    (warning,) = of("m.onnx", model.SerializeToString()).warnings
    assert "kinds of operators" in warning
    few = helper.make_model(helper.make_graph(nodes[:-1], "g", [info], [info]))
    assert of("m.onnx", few.SerializeToString()).warnings == ()


@pytest.mark.parametrize("cut", range(len(STATE_OF_ONE)))
def test_every_cut_of_a_state_says_that_it_was_not_followed(cut: int) -> None:
    found = of("m.pt", checkpoint(STATE_OF_ONE[:cut]))
    assert any(warning.startswith("not followed: ") for warning in found.warnings)


def test_what_was_not_followed_in_one_pickle_of_an_archive_is_told_whatever_the_next_is() -> None:
    found = of("m.pt", archive({"archive/data.pkl": b"\x80\x02\xff", "archive/constants.pkl": b"\x80\x02)."}))
    assert any(warning.startswith("not followed: unknown opcode 0xff at byte 2") for warning in found.warnings)


def test_an_ordered_state_as_python_2_wrote_it_is_listed() -> None:
    tensor = STATE_OF_ONE[STATE_OF_ONE.index(b"ctorch._utils") : -2]
    data = b"\x80\x02ccollections\nOrderedDict\n]]" + value("w") + b"a" + tensor + b"aa\x85R."
    assert of("m.pt", checkpoint(data)).detail["tensors"] == [{"name": "w", "dtype": "F32", "shape": [2, 3]}]


def test_one_list_in_many_mappings_ends_soon() -> None:
    pairs = b"](" + (value("k") + b"N\x86") * 20_000 + b"eq\x00"
    call = b"ccollections\nOrderedDict\nh\x00\x85R"
    found = of("m.pt", checkpoint(b"\x80\x02" + pairs + b"(" + call * 20_000 + b"t."))
    assert found.warnings == ("pickle: loading it runs code",)
