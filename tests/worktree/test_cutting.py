"""The cut plan: it covers a file, and a tensor's cuts depend on nothing but the tensor."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pacha.base.spans import Span
from pacha.worktree.cutting import TENSOR_BYTES_MIN, TENSOR_WINDOW_BYTES, Cut, plan

BIG = 3 * TENSOR_WINDOW_BYTES + 12


def spans_of(lengths: list[tuple[int, int]]) -> tuple[list[Span], int]:
    """Tensors of some lengths with gaps before them, and the size of the file."""
    spans, at = [], 0
    for number, (gap, length) in enumerate(lengths):
        at += gap
        element = ("f32", "bf16", None, None)[number % 4]
        spans.append(Span(name=f"t{number}", start=at, length=length, element=element, is_content=number % 4 == 3))
        at += length
    return spans, at + 7


@given(
    st.lists(st.tuples(st.integers(0, 200), st.one_of(st.integers(0, 9_000), st.integers(60_000, BIG))), max_size=30)
)
def test_the_cuts_cover_the_file_once_and_in_order(lengths: list[tuple[int, int]]) -> None:
    spans, size = spans_of(lengths)
    at = 0
    for cut in plan(size, spans):
        assert cut.start == at and cut.length > 0
        assert cut.is_content or cut.length <= TENSOR_WINDOW_BYTES
        at += cut.length
    assert at == size


def test_a_file_without_tensors_is_cut_by_its_content() -> None:
    assert list(plan(10, ())) == [Cut(0, 10, is_content=True)]
    assert list(plan(0, ())) == []


def test_a_large_tensor_is_cut_in_windows_from_its_start() -> None:
    found = list(plan(BIG + 100, [Span(name="w", start=100, length=BIG, element="f32")]))
    assert found[0] == Cut(0, 100, is_content=True)
    assert [cut.length for cut in found[1:]] == [TENSOR_WINDOW_BYTES] * 3 + [12]
    assert [cut.key for cut in found[1:]] == [("w", 0), ("w", 1), ("w", 2), ("w", 3)]


def test_what_content_decides_begins_anew_at_a_large_column_and_passes_over_small_ones() -> None:
    lengths = [(4, TENSOR_BYTES_MIN), (0, 900), (0, BIG), (0, TENSOR_BYTES_MIN - 1)]
    spans, size = spans_of(lengths)
    columns = [Span(name=s.name, start=s.start, length=s.length, element=None, is_content=True) for s in spans]
    assert [cut.length for cut in plan(size, columns)] == [4, TENSOR_BYTES_MIN, 900, BIG, TENSOR_BYTES_MIN - 1 + 7]
    assert all(cut.is_content and cut.key is None for cut in plan(size, columns))


def test_small_neighbours_of_one_element_share_a_chunk_across_padding() -> None:
    small = [Span(name=f"b{n}", start=n * 1_064, length=1_000, element="f32") for n in range(4)]
    assert list(plan(small[-1].start + 1_000, small)) == [Cut(0, 4_192, "f32", ("b0", 0))]


def test_a_tensor_that_is_inserted_in_front_moves_no_other_cut() -> None:
    lengths = [(0, TENSOR_BYTES_MIN), (0, 700), (0, 700), (0, BIG), (3, BIG)]
    before, size = spans_of(lengths)
    moved = 5_000_000
    after = [
        Span(name="new", start=0, length=moved, element="f32"),
        *(replace(span, start=span.start + moved) for span in before),
    ]
    shifted = [(cut.start - moved, cut.length, cut.key) for cut in plan(size + moved, after) if cut.start >= moved]
    assert shifted == [(cut.start, cut.length, cut.key) for cut in plan(size, before)]


def test_a_gap_that_puts_numbers_out_of_step_ends_a_run() -> None:
    spans = [Span(name="a", start=0, length=8, element="f32"), Span(name="b", start=10, length=8, element="f32")]
    assert [(cut.start, cut.length, cut.key) for cut in plan(18, spans)] == [
        (0, 8, ("a", 0)),
        (8, 2, None),
        (10, 8, ("b", 0)),
    ]


def small(names: list[str], *, at: int = 0) -> list[Span]:
    return [Span(name=name, start=at + n * 8_192, length=8_192, element="f16") for n, name in enumerate(names)]


@given(st.integers(0, 900), st.text(min_size=1, max_size=9))
def test_a_small_tensor_among_thousands_moves_only_the_ends_of_runs_near_it(place: int, name: str) -> None:
    names = [f"layers.{n}.lora_A" for n in range(1_000)]
    before = {(cut.key, cut.length) for cut in plan(8_192 * 1_000, small(names))}
    after = {(cut.key, cut.length) for cut in plan(8_192 * 1_001, small([*names[:place], name, *names[place:]]))}
    assert len(before) > 40
    assert len(after - before) <= 8


@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(1, 90_000)), min_size=1, max_size=60),
    st.integers(0, 10_000_000),
)
def test_tensors_at_another_place_are_cut_alike(lengths: list[tuple[int, int]], moved: int) -> None:
    spans, size = spans_of([(lengths[0][0], BIG), *lengths])
    there = [replace(span, start=span.start + moved) for span in spans]
    cuts = [(cut.start - spans[0].start, cut[1:]) for cut in plan(size, spans) if cut.start >= spans[0].start]
    others = [(cut.start - there[0].start, cut[1:]) for cut in plan(size + moved, there) if cut.start >= there[0].start]
    assert cuts == others
