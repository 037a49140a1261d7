"""The docs are true: made pages are up to date, links lead somewhere, and what is cited exists."""

import importlib.util
import itertools
import re
import shlex
from pathlib import Path

import pytest

from tests.conftest import run_here

ROOT = Path(__file__).parents[2]


def load(name: str):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGES = load("pages")
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("path", list(PAGES.PAGES))
def test_a_page_made_from_the_code_is_up_to_date(path: str) -> None:
    assert (ROOT / path).read_text("utf-8") == PAGES.PAGES[path](), "run: python tests/docs/pages.py"


@pytest.mark.parametrize("page", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8")):
        if not target.startswith(("http:", "https:", "mailto:")) and not (page.parent / target).exists():
            broken.append(target)
    assert broken == []


def test_every_section_that_code_cites_exists() -> None:
    missing = []
    for module in sorted((ROOT / "pacha").rglob("*.py")):
        for page, title in re.findall(r'(docs/[a-z]+\.md), "([^"]+)"', module.read_text("utf-8")):
            path = ROOT / page
            titles = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), flags=re.MULTILINE) if path.exists() else []
            if not any(title.lower() in found.lower() for found in titles):
                missing.append(f"{module.name}: {page}, {title}")
    assert missing == []


def test_every_command_in_the_readme_exists() -> None:
    words = set(
        re.findall(
            r"pacha ([a-z][a-z-]+)",
            "\n".join(re.findall(r"```.*?```|`[^`]+`", (ROOT / "README.md").read_text("utf-8"), flags=re.DOTALL)),
        )
    )
    assert words - {"init"} <= {*PAGES.command_names()}


def test_the_readme_has_its_two_commands() -> None:
    assert len(load("readme_commands").shell_blocks((ROOT / "README.md").read_text("utf-8"))) == 2


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text("utf-8")
    assert [path.name for path in folder.glob("0*.md") if path.name not in index] == []


def test_every_command_has_examples() -> None:
    folders = [ROOT / "pacha/cli/commands", ROOT / "pacha/cli/registry"]
    modules = [path for folder in folders for path in sorted(folder.glob("*.py")) if path.name != "__init__.py"]
    assert modules and [path.name for path in modules if "\nExamples:\n  pacha " not in path.read_text("utf-8")] == []


def test_every_command_that_a_page_on_sharing_types_exists_with_its_options() -> None:
    """A page without outputs is not typed by a test; what it types must still be there."""
    unknown = []
    for page in ("team", "ci", "container"):
        text = (ROOT / "docs" / f"{page}.md").read_text("utf-8")
        for line in re.findall(
            r"\bpacha [a-z][^`\n&|\"#]*", "\n".join(re.findall(r"```.*?```|`pacha [^`]+`", text, re.S))
        ):
            words = shlex.split(line.split(">>")[0])[1:]
            if words[0] == "-registry":
                continue
            help_text = help_of(words)
            unknown.extend(
                f"{page}: {line}: {word}" for word in words if re.match(r"--?[a-z]", word) and word not in help_text
            )
    assert unknown == []


def help_of(words: list[str]) -> str:
    names = list(itertools.takewhile(lambda word: not word.startswith("-"), words))
    for count in (2, 1):
        answer = run_here([*names[:count], "--help"])
        if answer.code == 0:
            return f"{answer.out} --repo -C -q --json"
    raise AssertionError(f"no such command: {words}")
