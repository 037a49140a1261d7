"""The grammar of references: what is printed is read back, and any text is a reference or one clear error.

Source: docs/design.md, "References": `[kind/]name[:selector][@b3:hex][~N | ^role]…[/path/in/artifact]` or `type:hex`.
"""

import string

from hypothesis import given
from hypothesis import strategies as st

from pacha.base.errors import Usage
from pacha.base.names import KINDS, RESERVED
from pacha.base.paths import BadPath
from pacha.objects.manifest import ROLES
from pacha.objects.types import type_names
from pacha.registry.revspec import Along, Back, parse_revision

WORD = st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=12).filter(
    lambda text: text[0].isalnum() and text not in RESERVED and text not in ("con", "prn", "aux", "nul")
)
NUMBER = st.integers(0, 99)
VERSION = st.builds(lambda a, b, c: f"{a}.{b}.{c}", NUMBER, NUMBER, NUMBER)
SELECTOR = st.one_of(VERSION, st.sampled_from(["latest", "head", "production", "1.2", "2.0.0-rc.1", "1.0.0+b7"]))
PIN = st.text("0123456789abcdef", min_size=8, max_size=64)
STEP = st.one_of(
    st.integers(1, 99).map(lambda count: f"~{count}"),
    st.just("~"),
    st.just("^"),
    st.sampled_from(ROLES).map("^{}".format),
)
PATH = st.lists(WORD, min_size=1, max_size=3).map("/".join)


@given(
    kind=st.one_of(st.none(), st.sampled_from(KINDS)), name=WORD, selector=st.one_of(st.none(), SELECTOR),
    pin=st.one_of(st.none(), PIN), steps=st.lists(STEP, max_size=4), path=st.one_of(st.none(), PATH), url=st.booleans(),
)  # fmt: skip
def test_what_is_put_together_is_taken_apart_again(
    kind: str | None, name: str, selector: str | None, pin: str | None, steps: list[str], path: str | None, url: bool
) -> None:
    if path is not None and kind is None and selector is None and pin is None and not steps:
        # `a/b` alone might as well be a host or a path of the work tree.
        return
    text = ("pacha://" if url and kind else "") + (f"{kind}/" if kind else "") + name
    text += (f":{selector}" if selector else "") + (f"@b3:{pin}" if pin else "") + "".join(steps)
    text += f"/{path}" if path else ""
    spec = parse_revision(text)
    assert (spec.kind, spec.name, spec.selector, spec.path) == (kind, name, selector, path)
    assert (spec.pin.digits if spec.pin else None) == pin and len(spec.steps) == len(steps)
    for step, typed in zip(spec.steps, steps, strict=True):
        if typed.startswith("~"):
            assert step == Back(int(typed[1:] or "1"))
        else:
            assert step == Along(typed[1:] or "previous")


@given(type_name=st.sampled_from(sorted(type_names())), digits=PIN)
def test_an_object_is_its_type_and_digits(type_name: str, digits: str) -> None:
    spec = parse_revision(f"{type_name}:{digits}")
    assert (spec.type, spec.digits, spec.name) == (type_name, digits, None)


@given(st.text(max_size=60))
def test_any_text_is_a_reference_or_one_error(text: str) -> None:
    try:
        spec = parse_revision(text)
    except (Usage, BadPath) as error:
        assert error.message
    else:
        assert spec.name or spec.digits


@given(st.text(":@~^/abc123.", max_size=30))
def test_texts_of_the_grammars_own_signs_too(text: str) -> None:
    test_any_text_is_a_reference_or_one_error.hypothesis.inner_test(text)
