"""`pacha changes` as a comment on a pull request: GitHub-flavoured Markdown in which a stranger's text is only text.

Everything that comes out of a document stands in a code span, where nothing is a mention, a link, HTML or a picture.
A line end, a backtick or a bar would leave the span or the table's cell, and is shown as another character.
"""

from collections.abc import Iterator

from pacha.cli.changes_rows import (
    NOTHING,
    Row,
    before_text,
    cut,
    move_text,
    shown_rows,
    signed_text,
    summary_of,
    title_of,
)
from pacha.cli.render import sanitise
from pacha.porcelain.changes import ArtifactChanges, Changes, Published

#: The first line of every comment, which is not shown: a later run finds its own comment by it.
MARKER = "<!-- pacha-changes -->"
#: What GitHub takes; bytes are counted, which are never fewer than its characters.
COMMENT_BYTES_MAX = 65_536
#: Kept for the note that says what was left out.
NOTE_BYTES = 512
#: A message or a reason in one line.
TEXT_LENGTH_MAX = 300
_LOOKALIKES = str.maketrans({"`": "'", "|": "¦"})


def markdown_of(found: Changes) -> str:
    """The comment, at most `COMMENT_BYTES_MAX` bytes; what did not fit is counted at its end."""
    head = [MARKER, "### Registry changes", "", f"{summary_of(found)}, over {code(found.base.text)} "
            f"({code(found.base.commit[:12])}).", ""]  # fmt: skip
    room = COMMENT_BYTES_MAX - NOTE_BYTES - _size(head)
    lines: list[str] = []
    left_out = 0
    for block in _blocks(found):
        size = _size(block)
        if left_out or size > room:
            left_out += 1
            continue
        lines.extend(block)
        room -= size
    if left_out:
        parts = "part is" if left_out == 1 else "parts are"
        lines.append(f"**{left_out} more {parts} left out** because a comment has a largest size; run `pacha changes`.")
    return "\n".join([*head, *lines]).rstrip("\n") + "\n"


def code(text: str, length: int = TEXT_LENGTH_MAX) -> str:
    """A text that somebody else wrote, as a code span; nothing if it is empty.

    >>> code("<b>@all|`x`")
    "`<b>@all¦'x'`"
    """
    shown = cut(" ".join(sanitise(" ".join(text.split())).split()), length).translate(_LOOKALIKES)
    return f"`{shown}`" if shown else ""


def _size(lines: list[str]) -> int:
    return sum(len(line.encode("utf-8", "replace")) + 1 for line in lines)


def _blocks(found: Changes) -> Iterator[list[str]]:
    """Pieces that are shown whole or not at all: warnings first, since they must not be cut."""
    warnings = [*_warnings(found)]
    for start in range(0, len(warnings), 20):
        yield [*warnings[start : start + 20], ""]
    for changed in found.artifacts:
        yield from _artifact_blocks(changed)
    for start in range(0, len(found.runs), 20):
        yield [f"- run {code(name)}" for name in found.runs[start : start + 20]] + [""]


def _warnings(found: Changes) -> Iterator[str]:
    for changed in found.artifacts:
        for item in changed.removed:
            yield f"- ⚠️ **removed {item.what}** {code(item.name)}: {code(item.reason)}"
        for problem in changed.problems:
            yield f"- ⚠️ {code(problem)}"
    for problem in found.problems:
        yield f"- ⚠️ {code(problem)}"


def _artifact_blocks(changed: ArtifactChanges) -> Iterator[list[str]]:
    if not (changed.published or changed.moves):
        return
    yield [f"#### {code(str(changed.artifact))}{' (new)' if changed.is_new else ''}", ""]
    for item in changed.published:
        yield _published_block(item)
    for move in changed.moves:
        said = ", ".join(part for part in (code(move.who), code(move.when)) if part)
        yield [f"- stage {code(move_text(move))}: {code(move.reason) or 'no reason given'} ({said})", ""]


def _published_block(item: Published) -> list[str]:
    same = f", the same content as {code(item.same_content_as)}" if item.same_content_as else ""
    lines = [
        f"**{code(title_of(item))}** {before_text(item)}{same}: {code(item.message) or 'no message'} "
        f"({code(item.author)}, {code(item.created)}, {_signed(item)})",
        "",
        "| what | before | after | difference |",
        "|---|---|---|---|",
    ]
    rows, more = shown_rows(item)
    lines.extend(_line(row) for row in rows)
    if more:
        lines.append(f"| … and {more} more | | | |")
    return [*lines, ""]


def _signed(item: Published) -> str:
    return "unsigned" if not item.signers and not item.attestations else code(signed_text(item))


def _line(row: Row) -> str:
    what = f"{row.what} {code(row.name)}" if row.name else row.what
    return f"| {what} | {_cell(row.before)} | {_cell(row.after)} | {code(row.note)} |"


def _cell(text: str) -> str:
    return NOTHING if text == NOTHING else code(text)
