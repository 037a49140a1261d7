"""Markdown of cards: texts written so that they stay texts, and the few parts of a page that say what a card says.

This is no Markdown parser. It knows headings, bullet lists, paragraphs and fenced code, reads in one pass, and takes
nothing that it is not sure of.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

#: What Pacha writes into a README between these lines is made from the card, and is not the person's own text.
BEGIN, END = "<!-- pacha: from the card -->", "<!-- /pacha -->"

_HEADING = re.compile(r"(#{1,6})[ \t]+(.*)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_BULLET = re.compile(r"[-*+][ \t]+(.*)")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])|&(lt|gt|amp);")
#: Characters that begin or end something in Markdown or HTML, wherever they stand.
_SPECIAL = re.compile(r"[\\`*\[\]<>&|~$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_LINE_START = re.compile(r"^([ \t]*)([#+=-](?=[\s#+=-]|$)|[0-9]+(?=[.)](?:\s|$)))", re.MULTILINE)
_AUTOLINK = re.compile(r"(?i)\b(https?|ftp|mailto|javascript|data|file|vbscript):|\bwww\.|@")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
#: A paragraph that begins with one of these is a picture, a table, a quotation, a list or HTML.
_NOT_PROSE = ("<", "!", "[!", "|", ">", "-", "*", "+", "=", "    ", "\t", "{", "`", "~")
_PLACEHOLDER = "[More Information Needed]"
#: More than this is no summary and no list of points; it stays where it is.
PARAGRAPH_MAX, BULLETS_MAX = 4096, 100
_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading with what stands beneath it, up to the next heading. `level` is 0 for what stands before the first."""

    level: int
    title: str
    lines: tuple[str, ...]


def visible(text: str) -> str:
    """The text with control characters and invisible ones spelled out.

    >>> visible("a\\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def escape(text: str) -> str:
    """A text as Markdown that shows that text: no link, no HTML, no heading, no control character comes out of it.

    >>> escape("a_b <script> [x](javascript:y)")
    'a_b &lt;script&gt; \\\\[x\\\\](javascript\\\\:y)'
    """
    html = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
    text = _SPECIAL.sub(lambda found: html.get(found[0], f"\\{found[0]}"), visible(text))
    # A colon, a dot or an @ that is escaped no longer makes a link out of a bare address.
    text = _AUTOLINK.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", text)
    return _LINE_START.sub(_escape_start, text)


def _escape_start(found: re.Match[str]) -> str:
    # Digits cannot be escaped; what makes a list of them is the dot or bracket behind.
    return f"{found[1]}{found[2]}\\" if found[2].isdecimal() else f"{found[1]}\\{found[2]}"


def inline(text: str) -> str:
    """A text as Markdown on one line: for a list's item, a table's cell, a heading."""
    return escape(" ".join(text.split()))


def unescape(text: str) -> str:
    """The text that Markdown shows, as far as `escape` changed it.

    >>> unescape(escape("1. a_b <b>"))
    '1. a_b <b>'
    """
    html = {"lt": "<", "gt": ">", "amp": "&"}
    return _ESCAPED.sub(lambda found: found[1] or html[found[2]], text)


def without_html(text: str) -> str:
    """A person's own Markdown, to be shown: HTML in it is a text, control characters are spelled out.

    >>> without_html("# A\\n<b>x</b>")
    '# A\\n&lt;b>x&lt;/b>'
    """
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", visible(text))


def sections(text: str) -> Iterator[Section]:
    """The page in pieces. Headings in fenced code are code."""
    level, title, fence = 0, "", ""
    lines: list[str] = []
    for line in text.split("\n"):
        if mark := _FENCE.match(line):
            if not fence:
                fence = mark[1]
            elif mark[1].startswith(fence) and line.strip() == mark[1]:
                fence = ""
        heading = None if fence else _HEADING.fullmatch(line)
        if heading is None:
            lines.append(line)
            continue
        yield Section(level=level, title=title, lines=tuple(lines))
        level, title, lines = len(heading[1]), heading[2].strip().rstrip("#").strip(), []
    yield Section(level=level, title=title, lines=tuple(lines))


def bullets(lines: tuple[str, ...]) -> tuple[str, ...]:
    """The items of a section that is one plain bullet list; none if it is anything more."""
    found: list[str] = []
    for line in lines:
        if not line.strip():
            continue
        if mark := _BULLET.fullmatch(line):
            found.append(mark[1].strip())
        elif found and line.startswith("  ") and not _BULLET.match(line.strip()):
            found[-1] += " " + line.strip()
        else:
            return ()
    if len(found) > BULLETS_MAX or any(len(item) > PARAGRAPH_MAX for item in found):
        return ()
    return tuple(unescape(item) for item in found if item and item != _PLACEHOLDER)


def first_paragraph(lines: tuple[str, ...]) -> str | None:
    """The first paragraph of prose; None if something else comes first."""
    found: list[str] = []
    for line in lines:
        if not line.strip():
            if found:
                break
        elif line.startswith(_NOT_PROSE) if not found else set(line.strip()) in ({"="}, {"-"}):
            return None
        else:
            found.append(line.strip())
    text = unescape(" ".join(found))
    return text if text and text != _PLACEHOLDER and len(text) <= PARAGRAPH_MAX else None


def folded_title(title: str) -> str:
    """A heading in lower-case words.

    >>> folded_title("⚠️ Bias, Risks, and Limitations")
    'bias risks and limitations'
    """
    return " ".join(_WORD.findall(title.lower()))


def split_generated(text: str) -> tuple[str, str]:
    """What Pacha wrote into a page, and the rest, which is the person's own."""
    before, begin, after = text.partition(f"{BEGIN}\n")
    inside, end, behind = after.partition(f"\n{END}")
    if not begin or not end:
        return "", text.strip("\n")
    return inside, "\n\n".join(part for part in (before.strip("\n"), behind.strip("\n")) if part)


def without_comments(text: str) -> str:
    """The page without HTML comments, which templates are full of.

    >>> without_comments("a <!-- b --> c <!-- d")
    'a  c <!-- d'
    """
    kept: list[str] = []
    before, begin, rest = text.partition("<!--")
    while begin:
        _, end, after = rest.partition("-->")
        if not end:
            return "".join(kept) + before + begin + rest
        kept.append(before)
        before, begin, rest = after.partition("<!--")
    return "".join(kept) + before


def page_members(text: str, *, prose: Mapping[str, str], lists: Mapping[str, str]) -> dict[str, object]:
    """What a page says of a card's members, by its headings: the first that says something counts.

    Shape: `prose` and `lists` name members by `folded_title`; prose is a section's first paragraph, and under "" what
    comes before any heading but the title; a list is a section of bullets.
    """
    found: dict[str, object] = {}
    for section in sections(without_comments(text)):
        title = folded_title(section.title) if section.level > 1 else ""
        if (name := prose.get(title)) and name not in found and (paragraph := first_paragraph(section.lines)):
            found[name] = paragraph
        if (name := lists.get(title)) and name not in found and (items := bullets(section.lines)):
            found[name] = list(items)
    return found
