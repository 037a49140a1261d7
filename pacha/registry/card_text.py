"""Cards as Markdown: for reading on a terminal or page, and as a README that reads back as the same card.

Every text of a card is written so that it stays a text: no line of it can end front matter, open HTML, make a link or
move a cursor. The exception is `extra.readme`, which is a person's own Markdown: a README carries it on as it is, and
where it is shown, HTML in it is text.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pacha.base.names import ArtifactName
from pacha.base.yaml import write_yaml
from pacha.registry.card_file import LISTS, PROSE, read_card
from pacha.registry.card_markdown import BEGIN, END, escape, inline, page_members, without_html
from pacha.registry.card_problems import BadCard
from pacha.registry.card_record import CardRecord, members_of
from pacha.registry.datasheet import Datasheet, Step
from pacha.registry.hugging_face import OWN, front_matter
from pacha.registry.model_card import ModelCard
from pacha.registry.recipe import Recipe

#: What front matter and pages can carry; every other member is written under `pacha`.
_CARRIED = frozenset({"license", "metrics", "extra"})
_LEADS = ("description", "purpose")
#: Members that have a place of their own on the page.
_PLACED = frozenset({*_LEADS, "metrics", "expected_metrics", "features", "extra", "name", "version"})
#: A table of more columns is not read by anybody; the whole is in the card itself.
FEATURES_SHOWN_MAX = 200


def to_markdown(
    card: ModelCard | Datasheet | Recipe,
    *,
    artifact: ArtifactName,
    version: str | None = None,
    lineage: Sequence[str] = (),
) -> str:
    """A card for reading. `lineage` are lines that say where the artifact comes from, as texts.

    >>> print(to_markdown(ModelCard(metrics={"auc": 0.93}), artifact=ArtifactName("model", "fraud"), version="1.0.0"))
    # model/fraud 1.0.0
    <BLANKLINE>
    ## Metrics
    <BLANKLINE>
    | metric | value |
    |---|---|
    | auc | 0.93 |
    <BLANKLINE>
    """
    readme = card.extra.get("readme")
    lines = list(_page(card, _title_of(str(artifact), version), lineage, covered=_covered(card, artifact.kind)))
    rest = {key: value for key, value in card.extra.items() if key not in ("readme", "model-index")}
    if rest:
        lines += _section("Also stated", [f"- {inline(key)}: {_value(value)}" for key, value in rest.items()])
    if isinstance(readme, str):
        lines += ["", without_html(readme)]
    return "\n".join(lines) + "\n"


def to_readme(
    card: ModelCard | Datasheet, *, artifact: ArtifactName, version: str | None = None, lineage: Sequence[str] = ()
) -> str:
    """A README with front matter as Hugging Face has it, which `read_card` reads back as an equal card.

    What neither their keys nor the page can say exactly is written under `pacha`: the page is read back, and whatever
    differs is put there. Members of later versions come back in `extra`. Errors: `BadYaml` if it would be too large.
    """
    block = "\n".join(_page(card, _title_of(artifact.name, version), lineage, covered=_covered(card, artifact.kind)))
    readme = card.extra.get("readme")
    body = f"\n{BEGIN}\n{block}\n{END}\n" + (f"\n{readme}\n" if isinstance(readme, str) and readme else "")
    front = front_matter(card, artifact.name)
    own = {name: value for name, value in card.plain().items() if name not in _told_elsewhere(artifact.kind)}
    read_back = _read_back({**front, OWN: own}, body, artifact.kind)
    own |= _differences(card, read_back)
    return _assembled({**front, **({OWN: own} if own else {})}, body)


def _title_of(name: str, version: str | None) -> str:
    return f"{name} {version}" if version else name


def _told_elsewhere(kind: str) -> frozenset[str]:
    return _CARRIED | set(PROSE[kind].values()) | set(LISTS[kind].values())


def _assembled(front: Mapping[str, object], body: str) -> str:
    return f"---\n{write_yaml(front) if front else ''}---\n{body}"


def _read_back(front: Mapping[str, object], body: str, kind: str) -> CardRecord | None:
    try:
        return read_card(_assembled(front, body).encode("utf-8", "replace"), name="README.md", kind=kind)
    except BadCard:
        return None


def _differences(card: CardRecord, found: CardRecord | None) -> dict[str, Any]:
    """What front matter must say on top, so that a page that reads as `found` reads as `card`."""
    plain = card.plain()
    if found is None:
        return plain
    out: dict[str, Any] = {}
    for one in members_of(type(card)):
        mine, theirs = getattr(card, one.name), getattr(found, one.name)
        if one.name == "extra":
            # A name that must not be there is null.
            changed = {key: value for key, value in mine.items() if theirs.get(key) != value}
            out |= {"extra": found_extra} if (found_extra := {**changed, **dict.fromkeys(theirs.keys() - mine)}) else {}
        elif mine != theirs:
            out[one.name] = plain.get(one.name, one.form.write(one.form.empty))
    return out


def _covered(card: CardRecord, kind: str) -> Mapping[str, object]:
    """What the person's own page says already."""
    readme = getattr(card, "extra", {}).get("readme")
    if not isinstance(readme, str) or kind not in PROSE:
        return {}
    return page_members(readme, prose=PROSE[kind], lists=LISTS[kind])


def _page(
    card: CardRecord,
    title: str,
    lineage: Sequence[str],
    *,
    covered: Mapping[str, object],
) -> Iterator[str]:
    """The page, a line or a paragraph at a time."""
    plain = {name: value for name, value in card.plain().items() if covered.get(name) != value}
    yield f"# {inline(title)}"
    for name in _LEADS:
        if name in plain:
            yield from ("", escape(plain[name]))
    known = members_of(type(card))
    facts = [(one.name, plain[one.name]) for one in known if one.name in plain and _is_fact(one.name, plain)]
    if facts:
        yield from (
            "",
            "| | |",
            "|---|---|",
            *(f"| {inline(_title(name))} | {_value(value)} |" for name, value in facts),
        )
    for one in known:
        if one.name in plain and one.name not in _PLACED and not _is_fact(one.name, plain):
            yield from _section(_title(one.name), _lines(one.name, getattr(card, one.name), plain[one.name]))
    for name in ("metrics", "expected_metrics"):
        if name in plain:
            rows = [f"| {inline(key)} | {_value(value)} |" for key, value in plain[name].items()]
            yield from _section(_title(name), ["| metric | value |", "|---|---|", *rows])
    if isinstance(card, Datasheet) and card.features:
        yield from _section("Features", _feature_table(card))
    if lineage:
        yield from _section("Lineage", [f"- {inline(line)}" for line in lineage])


def _is_fact(name: str, plain: Mapping[str, Any]) -> bool:
    """Short single values stand in one table."""
    value = plain[name]
    return name not in _PLACED and (
        not isinstance(value, (str, Mapping, list))
        or (isinstance(value, str) and len(value) <= 80 and "\n" not in value)
    )


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", f"## {inline(title)}", "", *lines]


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _lines(name: str, value: object, plain: object) -> list[str]:
    """One member as the lines of a section."""
    if isinstance(value, tuple) and value and isinstance(value[0], Step):
        return [_step(step) for step in value]
    if name == "command" and isinstance(plain, list):
        return [_value(plain)]
    if isinstance(plain, list):
        return [f"- {inline(item)}" for item in plain]
    if isinstance(plain, Mapping):
        return [f"- {inline(key)}: {_value(item)}" for key, item in _flat(plain)]
    return [escape(str(plain))]


def _flat(value: Mapping[str, object], before: str = "") -> Iterator[tuple[str, object]]:
    for key, item in value.items():
        if isinstance(item, Mapping) and item:
            yield from _flat(item, f"{before}{key}.")
        else:
            yield f"{before}{key}", item


def _step(step: Step) -> str:
    """A step with its settings and what it is for, as one item."""
    settings = ", ".join(f"{inline(key)} = {_value(value)}" for key, value in step.parameters.items())
    about = f": {inline(step.description)}" if step.description else ""
    return f"- {inline(step.name or '')}{f' ({settings})' if settings else ''}{about}"


def _value(value: object, *, is_inner: bool = False) -> str:
    """Any value on one line, as a text; a list or table in another one in brackets."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, list):
        text, brackets = ", ".join(_value(item, is_inner=True) for item in value), "\\[\\]"
    elif isinstance(value, Mapping):
        text = ", ".join(f"{inline(str(key))}: {_value(item, is_inner=True)}" for key, item in value.items())
        brackets = "{}"
    else:
        return inline(str(value))
    half = len(brackets) // 2
    return f"{brackets[:half]}{text}{brackets[half:]}" if is_inner else text


def _feature_table(card: Datasheet) -> list[str]:
    rows = [
        f"| {inline(name)} | {inline(feature.dtype or '')} | {'' if feature.nullable is None else 'yes' if feature.nullable else 'no'} "
        f"| {inline(feature.description or '')} |"
        for name, feature in list(card.features.items())[:FEATURES_SHOWN_MAX]
    ]
    more = len(card.features) - len(rows)
    note = ["", f"…and {more} more."] if more > 0 else []
    return ["| feature | type | nullable | description |", "|---|---|---|---|", *rows, *note]
