"""Texts that were chosen to break things, and values of JSON made of them: for properties of any room."""

from hypothesis import strategies as st

NASTY = [
    "---", "\n---\n", "+++", "...", "no", "~", "null", "1e5", "0x1f", "12:30", "2026-03-03", "<<", "&a", "*a", "!x", "# h",
    "- x", "* x", "1. x", "> q", "| a | b |", "a_b", "_a_", "**b**", "`c`", "[x](javascript:alert(1))", "![x](y)",
    "<script>alert(1)</script>", "<!-- pacha: from the card -->", "<!-- /pacha -->", "<!--", "-->", "&lt;", "&amp;", "\\", "\\n",
    "\x1b[31m", "\x00", "\x7f", "\x85", "\u2028", "\u202e", "\ufeff", "é", "\U0001f600", " lead", "trail ", "a\r\nb", "\t",
    "https://example.org", "www.example.org", "me@example.org", "NaN", "Infinity", "9007199254740993", "true", '"', "'", "=", ":",
    "## Limitations\n\n- planted", "[More Information Needed]", "pacha", "extra", "a: b", "===", "{", "}", "$x$", "~~~\n# x",
]  # fmt: skip
text = st.text(st.characters(exclude_categories=("Cs",)), max_size=12) | st.lists(
    st.sampled_from(NASTY), max_size=3
).map("".join)
integers = st.integers(-(2**70), 2**70) | st.integers(-100, 100)
json_leaf = st.none() | st.booleans() | integers | st.floats() | text
json_value = st.recursive(
    json_leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3), max_leaves=8
)
without_null = st.recursive(
    st.booleans() | integers | st.floats() | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
