"""Reads a card from a file: TOML, JSON, or Markdown with front matter. Source: docs/cards.md, "Files".

A README is read for what it surely says: its front matter, its first paragraph, and lists under headings that mean a
member. Its text stays whole in `extra.readme`, if it is short.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pacha.base.canonical import encode_compact
from pacha.base.json_text import read_json
from pacha.base.toml import read_toml
from pacha.base.yaml import read_yaml
from pacha.registry.card_markdown import page_members, split_generated
from pacha.registry.card_problems import BadCard, Problem
from pacha.registry.cards import card_type
from pacha.registry.datasheet import Datasheet
from pacha.registry.hugging_face import document_of, own_members
from pacha.registry.model_card import ModelCard
from pacha.registry.recipe import Recipe

#: What a person writes of one artifact. A README may be longer than the card in it.
FILE_BYTES_MAX = 1 << 20
#: A card lies in a manifest, which Git carries and people read in reviews.
CARD_BYTES_MAX = 256 << 10
#: A longer text stays in the artifact's own file, and the card says only how long it is.
README_BYTES_MAX = 16 << 10

README_NAMES = frozenset({"readme.md", "readme.markdown"})
_FENCES = {"---": "yaml", "+++": "toml"}
#: Headings under which a page says what a member says.
PROSE = {
    "model": {
        "": "description", "description": "description", "model description": "description",
        "model summary": "description", "summary": "description",
    },
    "data": {
        "": "purpose", "purpose": "purpose", "dataset summary": "purpose", "dataset description": "purpose",
        "collection method": "collection_method", "data collection": "collection_method",
        "data collection and processing": "collection_method",
    },
}  # fmt: skip
LISTS = {
    "model": {
        "primary uses": "primary_uses", "primary intended uses": "primary_uses", "intended uses": "primary_uses",
        "intended use": "primary_uses", "uses": "primary_uses", "direct use": "primary_uses",
        "out of scope uses": "out_of_scope_uses", "out of scope use": "out_of_scope_uses",
        "limitations": "limitations", "known limitations": "limitations", "bias risks and limitations": "limitations",
        "risks limitations and biases": "limitations", "limitations and bias": "limitations",
        "limitations and biases": "limitations",
        "ethical considerations": "ethical_considerations", "ethics": "ethical_considerations",
    },
    "data": {
        "creators": "creators", "authors": "creators", "dataset creators": "creators",
        "sensitive features": "sensitive_features", "access restrictions": "access_restrictions",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontMatter:
    """A page in two parts: the language and text of its front matter, and the body beneath."""

    language: str
    text: str
    body: str


def read_card(raw: bytes, *, name: str, kind: str) -> ModelCard | Datasheet:
    """Reads a card of an artifact of that kind. `name` is the file's, whose ending says what it is.

    Errors: `BadCard` with every problem, `BadToml`, `BadJson`, `BadYaml`, `NoCard`.

    >>> read_card(b'description = "Finds fraud"', name="card.toml", kind="model").description
    'Finds fraud'
    """
    card = card_type(kind)
    if issubclass(card, Recipe):
        raise _bad(name, "a recipe's card is the recipe itself", "edit the recipe's file")
    if len(raw) > FILE_BYTES_MAX:
        raise _bad(name, f"larger than {FILE_BYTES_MAX} bytes")
    form = _form_of(raw, name)
    if form == "markdown":
        found: ModelCard | Datasheet = card.from_document(_page_document(raw, name, kind, card), name=name)
    elif form == "json":
        found = card.from_document(read_json(raw, name=name), name=name)
    else:
        found = card.from_document(read_toml(raw, name=name), name=name)
    size = len(encode_compact(found.document()))
    if size > CARD_BYTES_MAX:
        raise _bad(name, f"a card of {size} bytes is larger than {CARD_BYTES_MAX}", "move long texts to a file")
    return found


def is_card_file(path: str, raw: bytes) -> bool:
    """Tells whether a file of a model's or dataset's folder is its card: a README with front matter on top.

    >>> is_card_file("model/README.md", b"---\\nlicense: mit\\n---\\n"), is_card_file("model/README.md", b"# Hello")
    (True, False)
    """
    if path.rpartition("/")[2].lower() not in README_NAMES or len(raw) > FILE_BYTES_MAX:
        return False
    try:
        return split_front_matter(raw.decode("utf-8-sig")) is not None
    except UnicodeDecodeError:
        return False


def split_front_matter(text: str) -> FrontMatter | None:
    """Cuts a page at the line that ends its front matter; None if it has none, as a page that begins with a rule."""
    text = text.replace("\r\n", "\n")
    first, newline, rest = text.partition("\n")
    fence = first.rstrip()
    if fence not in _FENCES or not newline:
        return None
    lines = rest.split("\n")
    for number, line in enumerate(lines):
        if line.rstrip() == fence:
            inside = "\n".join(lines[:number])
            # Between two rules of a page without front matter stands prose, not a name with a colon or equals sign.
            if not any(mark in inside for mark in (":", "=")) and inside.strip():
                return None
            return FrontMatter(language=_FENCES[fence], text=inside, body="\n".join(lines[number + 1 :]))
    return None


def _form_of(raw: bytes, name: str) -> str:
    ending = name.lower().rpartition(".")[2] if "." in name else ""
    forms = {"toml": "toml", "json": "json", "md": "markdown", "markdown": "markdown"}
    if ending in forms:
        return forms[ending]
    if ending in ("yaml", "yml"):
        raise _bad(
            name, "a card is not YAML", "write TOML or JSON, or put it on top of a README.md between lines of ---"
        )
    begin = raw.lstrip()[:3]
    if begin[:1] == b"{":
        return "json"
    return "markdown" if begin in (b"---", b"+++") else "toml"


def _page_document(raw: bytes, name: str, kind: str, card: type[ModelCard] | type[Datasheet]) -> dict[str, object]:
    """The document of a page: what it says under `pacha` wins over other front matter, and that over the body."""
    try:
        page = split_front_matter(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise _bad(name, f"not UTF-8 text (at byte {error.start})") from error
    if page is None:
        raise _bad(name, "no front matter", "begin the file with a line ---, then `license: …`, and a line ---")
    front = read_front_matter(page, name)
    generated, rest = split_generated(page.body)
    prose, lists = PROSE[kind], LISTS[kind]
    body = page_members(rest, prose=prose, lists=lists) | page_members(generated, prose=prose, lists=lists)
    document = {**body, **document_of(front, card)}
    own = own_members(front)
    readme = _readme(rest)
    for stated in (document.get("extra", {}), own.get("extra", {})):
        if not isinstance(stated, Mapping):
            # Wrong as it is: the checker says so.
            return {**document, "extra": stated}
        readme |= stated
    return {**document, **own, **({"extra": readme} if readme else {})}


def read_front_matter(page: FrontMatter, name: str) -> dict[str, object]:
    """The mapping on top of a page. Errors: `BadYaml`, `BadToml`."""
    if page.language == "yaml":
        return read_yaml(page.text, name=name)
    return read_toml(page.text.encode("utf-8"), name=name)


def _readme(text: str) -> dict[str, object]:
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > README_BYTES_MAX:
        return {"readme_bytes": size}
    return {"readme": text} if text else {}


def _bad(name: str, message: str, hint: str | None = None) -> BadCard:
    return BadCard(name, (Problem(where="", message=message),), hint=hint)
