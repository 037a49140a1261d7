"""Model files that others made and shipped are read to their last tensor, and their tensors lie where it is said."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from pacha.formats.inspect import inspect
from pacha.formats.inspection import FileSource, Inspection
from tests.real.conftest import Real

BADGE = "pickle: loading it runs code"
VAD = "silero_vad/data/"


def of(real: Real, wheel: str, member: str) -> tuple[Inspection, bytes]:
    path = real(wheel, member)
    with FileSource(str(path)) as source:
        found = inspect(path.name, source)
    assert found is not None
    return found, path.read_bytes()


@pytest.mark.parametrize(("net", "parameters"), [("pnet", 6_632), ("rnet", 100_178), ("onet", 389_040)])
def test_the_networks_of_mtcnn_have_as_many_parameters_as_published(real: Real, net: str, parameters: int) -> None:
    found, data = of(real, "facenet-pytorch", f"facenet_pytorch/data/{net}.pt")
    assert found.summary["parameters"] == parameters and found.summary["layout"] == "pickles"
    assert found.warnings == (BADGE,)
    for row in found.detail["tensors"]:
        numbers = np.frombuffer(data, "<f4", row["bytes"] // 4, row["offset"])
        assert np.isfinite(numbers).all() and 0 < np.abs(numbers).max() < 100


def test_the_weights_of_a_torchscript_archive_are_those_of_the_onnx_model_beside_it(real: Real) -> None:
    script, data = of(real, "silero-vad", f"{VAD}silero_vad.jit")
    graph, other = of(real, "silero-vad", f"{VAD}silero_vad.onnx")
    there = {data[row["offset"] : row["offset"] + row["bytes"]] for row in script.detail["tensors"]}
    weights = [row for row in graph.detail["tensors"] if row["dtype"] == "F32" and row["bytes"] > 64]
    assert len(weights) == 28
    assert all(other[row["offset"] : row["offset"] + row["bytes"]] in there for row in weights)
    assert [warning.split(":")[0] for warning in script.warnings] == ["pickle", "code"]


@pytest.mark.parametrize(
    ("wheel", "member"),
    [
        ("silero-vad", f"{VAD}silero_vad.onnx"),
        ("silero-vad", f"{VAD}silero_vad_openvino_16k.onnx"),
        ("silero-vad", f"{VAD}silero_vad_half.onnx"),
        ("basic-pitch", "basic_pitch/saved_models/icassp_2022/nmp.onnx"),
    ],
)
def test_constants_and_initializers_of_all_graphs_are_the_parameters(real: Real, wheel: str, member: str) -> None:
    found, data = of(real, wheel, member)
    expected = sorted(_arrays(onnx.load_from_string(data).graph))
    assert sorted(tuple(row["shape"]) for row in found.detail["tensors"]) == expected
    assert found.summary["parameters"] == sum(int(np.prod(shape)) for shape in expected)


def _arrays(graph: onnx.GraphProto) -> list[tuple[int, ...]]:
    shapes = [numpy_helper.to_array(item).shape for item in graph.initializer]
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                shapes += _arrays(attribute.g)
            if node.op_type == "Constant" and attribute.HasField("t") and attribute.t.dims:
                shapes.append(numpy_helper.to_array(attribute.t).shape)
    return shapes


def test_an_estimator_of_scikit_learn_shows_its_class_and_its_arrays(real: Real) -> None:
    found, data = of(real, "alt-profanity-check", "profanity_check/data/model.joblib")
    assert found.summary["architecture"] == "sklearn.calibration.CalibratedClassifierCV"
    assert found.warnings == (BADGE,) and found.summary["tensors"] == 21
    row = next(row for row in found.detail["tensors"] if row["name"].endswith(".coef_"))
    numbers = np.frombuffer(data, row["dtype"], row["bytes"] // 8, row["offset"])
    assert list(row["shape"]) == [1, 15442] and np.isfinite(numbers).all() and numbers.any()


def test_a_vocabulary_is_followed_to_its_end(real: Real) -> None:
    found, _ = of(real, "alt-profanity-check", "profanity_check/data/vectorizer.joblib")
    assert found.warnings == (BADGE,) and found.summary["parameters"] == 15_442
    assert found.summary["architecture"] == "sklearn.feature_extraction.text.TfidfVectorizer"


def test_a_model_of_tensorflow_lite_is_recognised(real: Real) -> None:
    found, _ = of(real, "basic-pitch", "basic_pitch/saved_models/icassp_2022/nmp.tflite")
    assert found.summary["schema_version"] == 3
    assert found.summary["metadata"] == {"description": "MLIR Converted."}


def test_an_array_of_objects_is_a_pickle(real: Real) -> None:
    found, _ = of(real, "mtcnn", "mtcnn/data/mtcnn_weights.npy")
    assert found.warnings == ("pickle: an array of objects is a pickle, and loading it runs code",)
    assert found.detail["opcodes"]["STOP"] == 1
