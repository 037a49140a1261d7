"""The tutorial of lineage is true: each command in it prints what the page says, and its picture is the one drawn."""

import re
import shlex
from pathlib import Path

from pacha.objects.manifest import ROLES
from tests.conftest import Project
from tests.registered import story

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "lineage.md").read_text("utf-8")


def test_each_command_prints_what_the_page_says(project: Project) -> None:
    story(project)
    blocks = re.findall(r"^```console\n\$ pacha ([^\n]*)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) == 5
    for words, wanted in blocks:
        assert project(*shlex.split(words)).out == wanted, words


def test_the_pictures_are_those_that_are_drawn(project: Project) -> None:
    story(project)
    assert project("lineage", "fraud:1.2.0", "--format", "svg").out == (DOCS / "lineage.svg").read_text("utf-8")
    assert project("lineage", "fraud:1.0.0", "--format", "mermaid").out in PAGE


def test_every_role_is_explained() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \|", PAGE.partition("## Where did it")[0], flags=re.MULTILINE)
    assert sorted(rows) == sorted(ROLES)
