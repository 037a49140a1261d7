"""Writes the pages that are made from the code: docs/cli.md and docs/fsck.md.

Run it after a command or a check changes: `python tests/docs/pages.py`. A test fails while a page is behind.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import click  # noqa: E402

from pacha.cli.commands_table import GROUPS, Commands, command_names, docstring_of, group_of  # noqa: E402
from pacha.cli.entry import pacha  # noqa: E402
from pacha.cli.topics import TOPICS  # noqa: E402
from pacha.porcelain.problems import CHECKS  # noqa: E402

MATRIX = """\
## What works with which bytes

"All here": everything was committed in this clone. "Trees only": the lists of files are here, their contents are not.
"Fresh clone": `git clone` brought `.pacha`, and no bytes. Each cell is a test in tests/porcelain/test_matrix.py.

| command | all here | trees only | fresh clone |
|---|---|---|---|
| `status` | 0 | 0, the path is missing | 0, the path is missing |
| `list`, `search`, `log`, `tag`, `resolve`, `stats`, `count-objects` | 0 | 0 | 0 |
| `rev-parse`, `rev-list`, `for-each-ref`, `reindex` | 0 | 0 | 0 |
| `show` | 0, bytes here | 0, bytes absent | 0, bytes absent |
| `diff A B` (up to 64 files) | 0 | 0 | 0 |
| `diff A B` (more files) | 0 | 0 | 3, absent |
| `ls-tree` | 0 | 0 | 3, absent |
| `cat`, `checkout`, `cat-file` of a blob | 0 | 3, absent | 3, absent |
| `verify` | 0, intact | 3, absent | 3, absent |
| `fsck` | 0 | 5, what stored trees name is missing | 0, counts what was never fetched |
"""


def cli_page() -> str:
    """The reference of every command, as `--help` says it."""
    out = ["# The command line", "", "Made from the commands' own help by `python tests/docs/pages.py`.", ""]
    out += ["```text", pacha.get_help(_context(pacha, "pacha")), "```", "", MATRIX]
    for group, heading in GROUPS.items():
        names = [name for name in command_names() if group_of(docstring_of(name)) == group]
        out += [f"## {heading}", ""]
        for name in names:
            out += _command(name)
    out += ["## Topics", ""]
    for topic, text in TOPICS.items():
        out += [f"### {topic}", "", "```text", text.strip(), "```", ""]
    return "\n".join(line.rstrip() for line in "\n".join(out).splitlines()).rstrip() + "\n"


def _command(name: str) -> list[str]:
    assert isinstance(pacha, Commands)
    context = _context(pacha, "pacha")
    command = pacha.get_command(context, name)
    assert command is not None
    out = [f"### pacha {name}", "", "```text", command.get_help(_context(command, name, context)), "```", ""]
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            sub = command.get_command(context, inner)
            assert sub is not None
            help_text = sub.get_help(_context(sub, inner, _context(command, name, context)))
            out += [f"#### pacha {name} {inner}", "", "```text", help_text, "```", ""]
    return out


def _context(command: click.Command, name: str, parent: click.Context | None = None) -> click.Context:
    settings = dict(command.context_settings) if parent is None else {}
    return click.Context(command, info_name=name, parent=parent, terminal_width=100, max_content_width=100, **settings)


def fsck_page() -> str:
    """Every check that fsck knows."""
    out = [
        "# What fsck finds",
        "",
        "Made from the table of checks by `python tests/docs/pages.py`. An error means that something is lost or wrong:",
        "`pacha fsck` exits with 5. A notice does not count. Each check has a test that produces it.",
        "",
        "| check | severity | what it means | what to do |",
        "|---|---|---|---|",
    ]
    for check in sorted(CHECKS.values(), key=lambda check: (check.severity.value, check.id)):
        out.append(f"| `{check.id}` | {check.severity.value} | {check.meaning} | {check.remedy} |")
    return "\n".join(out) + "\n"


PAGES = {"docs/cli.md": cli_page, "docs/fsck.md": fsck_page}

if __name__ == "__main__":
    for path, make in PAGES.items():
        (ROOT / path).write_text(make(), "utf-8")
