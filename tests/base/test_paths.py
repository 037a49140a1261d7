"""Names that could harm some system are refused when they are read, on every system."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacha.base import paths
from pacha.base.names import BadName, check_name
from pacha.base.paths import BadPath, check_entry_name, check_path, check_siblings
from pacha.refs.names import BadRefName, RefName

BAD_NAMES = [
    "", ".", "..", "a/b", "/", "a\\b", "C:", "C:x", "a:stream", "x::$INDEX_ALLOCATION", "a*", "a?", 'a"', "a<", "a>", "a|",
    "a\0b", "a\nb", "a\x1b[31m", "a\x7f", "a\x85", "a\u202eb", "a\u200bb", "\ud800", "CON", "con", "nul.txt", "AUX.tar.gz",
    "COM1", "com9.txt", "COM¹", "LPT³.x", "CONIN$", "CLOCK$", "x.", "x ", " x", ".git", ".GIT", ".git ", "git~1", "GIT~1",
    ".g\u200cit", ".git.", "．git", ".pacha", "pacha~1", ".Pacha", "e\u0301", "n" * 256, "é" * 128, "PRN .txt", "gi7eb8~1",
]  # fmt: skip
GOOD_NAMES = [
    "a", "model.safetensors", ".hidden", "weights (1).bin", "naïve.csv", "数据.parquet", ".gitignore", ".gitattributes",
    "console.txt", "com10", "a..b", "-rf", "n" * 255, "README", "git~x",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES, ids=repr)
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(BadPath):
        check_entry_name(name)
    with pytest.raises(BadPath):
        check_path(f"folder/{name.replace('/', '//')}")


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_a_good_name_is_kept(name: str) -> None:
    assert check_entry_name(name) == name


@pytest.mark.parametrize(
    "path", ["/a", "a//b", "a/", "a/../b", "../a", "./a", "a/" * 128 + "b", "/".join(["x" * 250] * 17)]
)
def test_a_bad_path_is_refused(path: str) -> None:
    with pytest.raises(BadPath):
        check_path(path)


@pytest.mark.parametrize("names", [("Model.bin", "model.bin"), ("Straße", "STRASSE"), ("ﬁle", "file"), ("É", "é")])
def test_names_that_are_one_to_some_system_are_refused(names: tuple[str, str]) -> None:
    with pytest.raises(BadPath):
        check_siblings(names)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Fraud",
        "a/b",
        "-x",
        ".x",
        "a..b",
        "x.lock",
        "x.",
        "con",
        "com1.x",
        "model",
        "head",
        "latest",
        "tree",
        "a" * 65,
        "a b",
        "é",
    ],
)
def test_a_bad_artifact_name_is_refused(name: str) -> None:
    with pytest.raises(BadName):
        check_name(name)


@pytest.mark.parametrize(
    "text",
    ["", "refs", "refs/heads", "heads/model/x", "refs/x/y", "refs/heads/../x", "refs/heads//x", "/refs/heads/x", "refs/heads/x/",
     "refs/heads/x.lock", "refs/heads/@{", "refs/heads/-rf", "refs/heads/.hidden", "refs/heads/a.", "refs/heads/a~1",
     "refs/heads/a^", "refs/heads/a:b", "refs/heads/a?b", "refs/heads/a*b", "refs/heads/a[b", "refs/heads/a\\b", "refs/heads/a b",
     "refs/heads/A", "refs/heads/\x01", "refs/heads/a\nb", "refs/heads/" + "a" * 200, "HEAD", "refs/heads/a/b/c/d/e/f",
     "refs/heads/a./b", "refs/heads/a.lock/b", "refs/heads/a..b/c", "refs/heads/a/b..", "refs/heads/a\n"],
)  # fmt: skip
def test_a_bad_ref_name_is_refused(text: str) -> None:
    with pytest.raises(BadRefName):
        RefName(text)


@pytest.mark.parametrize("text", ["refs/heads/a.locked", "refs/heads/a.lock.b/c", "refs/versions/model/x/1.0.0-a.b+c"])
def test_a_ref_name_whose_dots_are_harmless_is_kept(text: str) -> None:
    assert RefName(text).text == text


@given(
    st.text(alphabet="abcCONuxlptgit019._-+=,@~ $é", max_size=12)
    | st.sampled_from(GOOD_NAMES + BAD_NAMES)
    | st.from_regex(r"\A(con|prn|aux|nul|com[0-9]|lpt[0-9])[.]?[a-z0-9]{0,2}\Z", fullmatch=True)
)
def test_a_name_that_is_passed_at_a_glance_has_no_fault_that_a_long_look_finds(name: str) -> None:
    if paths._ORDINARY.fullmatch(name):
        assert paths._character_fault(name) is None
        assert paths._system_fault(name) is None
