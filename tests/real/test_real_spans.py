"""Where the tensors of files that others shipped lie, by numbers that make sense."""

import io
import zipfile

import numpy as np
import onnx
import pyarrow
import pyarrow.csv
import pyarrow.parquet
import pytest
from onnx import numpy_helper

from pacha.base.spans import ELEMENT_BYTES, Span
from pacha.formats.inspection import BytesSource, FileSource
from pacha.formats.spans import tensor_spans
from tests.real.conftest import Real


def of(real: Real, wheel: str, member: str) -> tuple[tuple[Span, ...], bytes]:
    path = real(wheel, member)
    with FileSource(str(path)) as source:
        return tensor_spans(path.name, source), path.read_bytes()


@pytest.mark.parametrize(
    ("wheel", "member", "share"),
    [
        ("facenet-pytorch", "facenet_pytorch/data/onet.pt", 0.99),
        ("silero-vad", "silero_vad/data/silero_vad.jit", 0.5),
        ("lpips", "lpips/weights/v0.1/alex.pth", 0.5),
    ],
)
def test_weights_of_pytorch_are_most_of_the_file_and_numbers(real: Real, wheel: str, member: str, share: float) -> None:
    spans, data = of(real, wheel, member)
    assert sum(span.length for span in spans) >= share * len(data)
    for span in spans:
        if span.element == "f32":
            assert np.isfinite(np.frombuffer(data, "<f4", span.length // 4, span.start)).all()
        assert span.element is None or span.length % ELEMENT_BYTES[span.element] == 0


def test_initializers_of_onnx_are_those_that_its_own_library_reads(real: Real) -> None:
    spans, data = of(real, "basic-pitch", "basic_pitch/saved_models/icassp_2022/nmp.onnx")
    graph = onnx.load_from_string(data).graph
    expected = {tensor.name: numpy_helper.to_array(tensor).tobytes() for tensor in graph.initializer if tensor.raw_data}
    found = {span.name: data[span.start : span.start + span.length] for span in spans}
    assert expected and {name: found[name] for name in expected} == expected


def test_the_stored_members_of_an_archive_are_spans(real: Real) -> None:
    spans, data = of(real, "silero-vad", "silero_vad/data/silero_vad.jit")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        stored = {archive.read(name) for name in archive.namelist()}
    assert spans and all(data[span.start : span.start + span.length] in stored for span in spans)


@pytest.mark.parametrize(
    ("wheel", "member"),
    [
        ("palmerpenguins", "palmerpenguins/data/penguins.csv"),
        ("lifelines", "lifelines/datasets/dd.csv"),
        ("vega-datasets", "vega_datasets/_data/airports.csv"),
    ],
)
@pytest.mark.parametrize("codec", ["none", "snappy", "zstd"])
def test_columns_of_parquet_are_where_its_own_library_says(real: Real, wheel: str, member: str, codec: str) -> None:
    table = pyarrow.csv.read_csv(real(wheel, member))
    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out, compression=codec, row_group_size=max(1, len(table) // 3))
    told = pyarrow.parquet.ParquetFile(io.BytesIO(out.getvalue())).metadata
    columns = [told.row_group(g).column(c) for g in range(told.num_row_groups) for c in range(told.num_columns)]
    places = [
        (column.dictionary_page_offset or column.data_page_offset, column.total_compressed_size) for column in columns
    ]
    found = tensor_spans("t.parquet", BytesSource(out.getvalue()))
    assert [(span.start, span.length) for span in found] == places
