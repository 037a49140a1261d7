"""TOML, JSON and YAML that people write: read within limits, refused in one line, written so that it reads back."""

import json
import math
import tomllib
from collections.abc import Callable

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pacha.base.errors import Usage
from pacha.base.json_text import BadJson, read_json
from pacha.base.toml import BadToml, read_toml, write_toml
from pacha.base.yaml import BadYaml, read_yaml, write_yaml
from tests.nasty import json_value, text, without_null


def read_yaml_bytes(raw: bytes) -> object:
    return read_yaml(raw.decode("utf-8", "surrogateescape"), name="x")


READERS: dict[str, Callable[[bytes], object]] = {
    "toml": lambda raw: read_toml(raw, name="x"),
    "json": lambda raw: read_json(raw, name="x"),
    "yaml": read_yaml_bytes,
}
LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{new}: &{new} [*{old}, *{old}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = [
    ("yaml", LAUGHS.encode()), ("yaml", b"a: !!python/object/apply:os.system [ls]"), ("yaml", b"a: !x 1"), ("yaml", b"a: ! 1"),
    ("yaml", b"<<: {a: 1}"), ("yaml", b"a: 1\na: 2"), ("yaml", b"'a': 1\na: 2"), ("yaml", b"? [a]\n: 1"), ("yaml", b"? &k a\n: 1"),
    ("yaml", b"[1]"), ("yaml", b"x"), ("yaml", b"a: 1\n---\nb: 2"), ("yaml", b"a: b: c"), ("yaml", b'a: "\\U00110000"'),
    ("yaml", b"a: " + b"[" * 100_000), ("yaml", b"{" * 100_000), ("yaml", b"- " * 100_000), ("yaml", b"a: " + b"9" * 5000),
    ("yaml", b"a: \x00"), ("yaml", b"a: [1"), ("yaml", b"a: '"), ("yaml", b"%YAML 9.9\n---\na: 1\n%"), ("yaml", b"a: x" * 3_000_000),
    ("yaml", b"a:\n\t- b"), ("yaml", b"a: *b"), ("yaml", b"? " * 50_000), ("yaml", b"a: |99\n x"),
    ("json", b'{"a": 1, "a": 2}'), ("json", b'{"a": {"b": 1, "b": 2}}'), ("json", b"[" * 100_000), ("json", b'{"a":' * 100_000),
    ("json", b'{"a": ' + b"9" * 5000 + b"}"), ("json", b'{"a": 1'), ("json", b"\xff"), ("json", b""), ("json", b'"' + b"x" * 10_000_000 + b'"'),
    ("json", b"[" * 40 + b"]" * 40), ("json", b"{'a': 1}"), ("json", b'{"a": 1} x'),
    ("toml", b"a = 1\na = 2"), ("toml", b"a = " + b"[" * 100_000), ("toml", b".".join([b"a"] * 50_000) + b" = 1"), ("toml", b"a = "),
    ("toml", b"[" + b".".join([b"a"] * 50_000) + b"]"), ("toml", b"a = " + b"9" * 5000), ("toml", b"\xff"), ("toml", b"x" * 10_000_000),
]  # fmt: skip


@pytest.mark.parametrize(("form", "raw"), HOSTILE, ids=[f"{form}-{raw[:24]!r}" for form, raw in HOSTILE])
def test_a_hostile_text_is_refused_in_one_line(form: str, raw: bytes) -> None:
    with pytest.raises(Usage) as caught:
        READERS[form](raw)
    assert (
        caught.value.message.startswith("x: ") and "\n" not in caught.value.message and len(caught.value.message) < 500
    )


@pytest.mark.parametrize("form", READERS)
def test_a_sound_text_is_read(form: str) -> None:
    sound = {"toml": b'a = "x"', "json": b'{"a": "x"}', "yaml": b"a: x"}
    assert READERS[form](sound[form]) == {"a": "x"}


@pytest.mark.parametrize("form", READERS)
def test_every_cut_of_a_text_is_read_or_refused(form: str) -> None:
    whole = {
        "toml": b'a = [1, 2.5, "x"]\n[t.u]\nd = 2026-03-03\ns = """a\nb"""\n',
        "json": b'{"a": [1, 2.5e3, "x\\u00e9", null], "t": {"u": true}}',
        "yaml": b'a: [1, "x\\u00e9"]\nt:\n  u: |\n    b\n  v: {w: ~}\n- x',
    }[form]
    for end in range(len(whole)):
        try:
            READERS[form](whole[:end])
        except Usage as error:
            assert "\n" not in error.message


@given(raw=st.binary(max_size=60) | text.map(str.encode))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for read in READERS.values():
        try:
            read(raw)
        except Usage as error:
            assert "\n" not in error.message


def test_yaml_means_what_yaml_1_2_says() -> None:
    page = "a: no\nb: on\nc: 12:30\nd: 2026-03-03\ne: 1e-5\nf: 0o17\ng: 017\nh: .inf\ni: -.INF\nj: ~\nk:\nl: 1_000\nm: 'true'\nn: True\n"
    assert read_yaml(page, name="x") == {
        "a": "no", "b": "on", "c": "12:30", "d": "2026-03-03", "e": 1e-5, "f": 15, "g": 17, "h": math.inf, "i": -math.inf,
        "j": None, "k": None, "l": "1_000", "m": "true", "n": True,
    }  # fmt: skip
    assert math.isnan(read_yaml("a: .nan", name="x")["a"])  # type: ignore[arg-type]
    assert read_yaml("1: a\ntrue: b", name="x") == {"1": "a", "true": "b"}
    assert read_yaml("", name="x") == read_yaml("# only a comment\n", name="x") == {}


def finite(value: object) -> object:
    """JSON values that compare: what is not finite as texts."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list) else value


@given(value=st.dictionaries(text, json_value, max_size=4).map(finite))
def test_yaml_that_is_written_is_read_alike_by_readers_of_both_versions(value: dict[str, object]) -> None:
    written = write_yaml(value)
    assert read_yaml(written, name="x") == value
    assert yaml.safe_load(written) == value
    assert all(line.rstrip() not in ("---", "...", "+++") for line in written.split("\n"))
    assert not any(ord(character) < 32 and character != "\n" for character in written)


def test_a_reader_of_yaml_1_1_would_read_other_values_without_quotes() -> None:
    assert yaml.safe_load("a: no") == {"a": False} and yaml.safe_load(write_yaml({"a": "no"})) == {"a": "no"}


def test_yaml_that_could_not_be_read_is_not_written() -> None:
    with pytest.raises(BadYaml, match="larger than"):
        write_yaml({str(number): "x" * 30 for number in range(20_000)})


@given(value=st.dictionaries(text, without_null, max_size=4).map(finite))
def test_toml_that_is_written_reads_back(value: dict[str, object]) -> None:
    written = write_toml(value)
    assert tomllib.loads(written) == big_as_texts(value)
    assert read_toml(written.encode(), name="x") == big_as_texts(value)


def big_as_texts(value: object) -> object:
    """What TOML cannot hold as an integer."""
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return str(value)
    if isinstance(value, dict):
        return {key: big_as_texts(item) for key, item in value.items()}
    return [big_as_texts(item) for item in value] if isinstance(value, list) else value


def test_deep_tables_are_written_so_that_they_are_read() -> None:
    value: dict[str, object] = {"end": 1}
    for number in range(24):
        value = {f"k.{number}": value}
    assert read_toml(write_toml(value).encode(), name="x") == value


def test_toml_has_no_place_for_null() -> None:
    with pytest.raises(BadToml):
        write_toml({"a": [None]})


def test_prose_with_many_dots_is_no_dotted_key() -> None:
    prose = 'a = """\nand so on ....................\na.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r,\n"""\n'
    assert str(read_toml(prose.replace("a.b.c", "a b.c").encode(), name="x")["a"]).startswith("and so on")
    assert read_toml(f'"{"." * 30}" = 1'.encode(), name="x") == {"." * 30: 1}


def test_json_takes_the_numbers_that_python_writes() -> None:
    assert read_json(json.dumps({"a": math.inf, "b": 10**30}).encode(), name="x") == {"a": math.inf, "b": 10**30}
    with pytest.raises(BadJson, match="there twice"):
        read_json(b'{"a": 1, "a": 1}', name="x")
