"""A plain CSV file is profiled faster, more so with pyarrow, and in nothing else differently: figures are equal to the last bit."""

import random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pacha.formats import columnar, csvblocks, measure
from pacha.formats import profile as module
from pacha.formats.inspection import BytesSource, Malformed
from pacha.formats.profile import profile

cells = (
    st.integers(-(2**64), 2**65).map(str)
    | st.floats().map(repr)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str)
    | st.datetimes().map(str)
    | st.dates().map(str)
    | st.sampled_from(["", "NA", "null", "true", "False", "nan", "inf", "-inf", "-0", "007", "1e400", "1.", ".5", "ü", " ", "x", '"', 'a"b', '"a,b"', '"\n"', "\r"])
    | st.text("0123456789.-+eE:T ", max_size=30)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4)
)  # fmt: skip
lines = st.lists(st.lists(cells, min_size=1, max_size=3).map(",".join), max_size=25)
ends = st.sampled_from(["\n", "\r\n"])


def both(raw: bytes, block: int, *, cap: int | None = None, **options: Any) -> tuple[Any, Any]:
    """What is found in blocks of so many bytes, with pyarrow and without, which must agree; and what the careful
    reader finds, which looks at each value by itself."""
    found: list[Any] = []
    for way in ("pyarrow", "python", "careful"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(csvblocks, "BLOCK_BYTES", block)
            if cap is not None:
                patch.setattr(module, "distinct_cap", lambda columns: cap)
            if way != "pyarrow":
                patch.setattr(columnar, "find_spec", lambda name: None)
            if way == "careful":
                patch.setattr(module, "_fast_rows", lambda table, columns: (0, table.batches()))
                patch.setattr(measure, "moments_alike", lambda texts: None)
                patch.setattr(measure, "all_alike", lambda kind, texts: False)
            try:
                found.append(profile("t.csv", BytesSource(raw), **options))
            except Malformed as error:
                found.append((error.message, error.hint))
    assert found[0] == found[1]
    return found[0], found[2]


@given(
    lines,
    ends,
    st.sampled_from(["a,b,c", "\ufeffa,b,c", "a", '"a",b', "\n\na,b,c", "1,2,3"]),
    st.integers(8, 200),
    st.sampled_from([10**9, 50, 120]),
    st.sampled_from([None, 0, 2]),
)
@example(["1", "", "2"], "\n", "a", 8, 10**9, None)
@example(["1,2,3", "4,5", "6,7,8"], "\n", "a,b,c", 8, 10**9, None)
@example(["1.5,1e400,0.12345678901234567890123456789012345678901234567", "2.5,3,1"], "\n", "a,b,c", 100, 10**9, None)
@settings(max_examples=400)
def test_any_file_has_the_same_profile_however_it_is_read(
    rows: list[str], end: str, header: str, block: int, limit: int, cap: int | None
) -> None:
    raw = (header + end + "".join(row + end for row in rows)).encode()
    with_it, without = both(raw, block, cap=cap, bytes_max=limit)
    assert with_it == without


usual = st.sampled_from(
    [
        st.integers(-(10**18), 10**18).map(str),
        st.integers(-(2**64), 2**65).map(str),
        st.floats(allow_nan=False, allow_infinity=False).map(repr),
        st.datetimes().map(lambda moment: str(moment.replace(microsecond=0))),
        st.datetimes().map(str),
        st.dates().map(str),
        st.times().map(str),
        st.sampled_from(["2023-02-28", "2023-02-29", "2024-02-29", "0000-01-01", "0001-01-01", "9999-12-31"]),
        st.sampled_from(["2024-01-01 00:00:00", "2024-01-01 23:59:60", "2024-01-01 24:00:00", "2024-01-01T00:00:00Z"]),
        st.sampled_from(["true", "false"]),
        st.text("ab", min_size=1, max_size=3),
    ]
)


@given(st.lists(usual, min_size=1, max_size=4), st.data(), st.integers(8, 200), st.sampled_from([None, 0, 2]))
@settings(max_examples=300)
def test_columns_of_one_form_have_the_same_profile_however_they_are_read(
    forms: list[st.SearchStrategy[str]], data: Any, block: int, cap: int | None
) -> None:
    """Most columns are of one form, and may be measured at once; one value now and then is not."""
    rows = [",".join(data.draw(form) for form in forms) for _ in range(20)]
    if data.draw(st.booleans()):
        rows[data.draw(st.integers(0, 19))] = ",".join(
            data.draw(cells.filter(lambda cell: "," not in cell)) for _ in forms
        )
    raw = ("\n".join([",".join("abcd"[: len(forms)]), *rows]) + "\n").encode()
    found, careful = both(raw, block, cap=cap)
    assert found == careful


def test_a_long_file_has_the_same_profile_to_the_last_bit() -> None:
    coin = random.Random(5)
    rows = [
        f"{number},{coin.random()!r},{coin.gauss(0, 1e9):.3f},{coin.randrange(2**62)},{coin.choice(['a', 'b', ''])},"
        f"{coin.choice(['true', 'false', 'NA'])},2024-01-{coin.randrange(1, 29):02d},{coin.choice(['1', '2.5', '-inf', 'nan'])}"
        for number in range(20_000)
    ]
    raw = "\n".join(["a,b,c,d,e,f,g,h", *rows]).encode()
    with_it, without = both(raw, 100_000)
    assert with_it == without and with_it.rows == 20_000


def test_the_fast_way_is_taken_up_to_the_first_quote(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: without it, the tests above would compare one way with itself."""
    seen: list[int] = []
    real = columnar.measure_block

    def counting(block: bytes, *rest: Any) -> int | None:
        seen.append(len(block))
        return real(block, *rest)

    monkeypatch.setattr(csvblocks, "BLOCK_BYTES", 1_000)
    monkeypatch.setattr(module, "measure_block", counting)
    plain = b"a,b\n" + b"1,2.5\n" * 1_000
    assert profile("t.csv", BytesSource(plain)).rows == 1_000 and sum(seen) == 6_000
    seen.clear()
    assert profile("t.csv", BytesSource(plain + b'"3",4\n' + b"1,2.5\n" * 500)).rows == 1_501
    assert 5_000 < sum(seen) <= 6_000


def test_lines_and_rows_are_told_as_before_after_the_fast_part() -> None:
    raw = b"a,b\n" + b"1,2\r\n" * 300 + b"3\n" + b"1,2\n" * 10 + b'"\n'
    with_it, without = both(raw, 100)
    assert with_it == without and with_it.warnings[0] == "uneven: row 301, line 302: 1 field, where the header has 2"
    for rows in (300, 300_000):
        with_it, without = both(b"a,b\n" + b"1,2\n" * rows + b"3,\xff\n", 1_000_000)
        assert with_it == without and f"line {rows + 2}: not UTF-8" in with_it[0]


def test_the_fast_way_keeps_nothing() -> None:
    import pyarrow

    raw = b"a,b,c\n" + b"1,2.5,some text\n" * 200_000
    before = pyarrow.total_allocated_bytes()
    assert profile("t.csv", BytesSource(raw)).rows == 200_000
    assert pyarrow.total_allocated_bytes() - before < 1 << 20
