"""The part of `Registry` that makes texts for other programs: cards, schemas, recipes, drawings, provenance.

Each returns what the command line writes into a file; where to put it is the caller's.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pacha.api.reading import Reading
from pacha.api.values import BadArgument, Reference
from pacha.porcelain.card import card_text
from pacha.porcelain.data import schema_text
from pacha.porcelain.drawings.dot import dot
from pacha.porcelain.drawings.mermaid import mermaid
from pacha.porcelain.drawings.prov import provenance
from pacha.porcelain.drawings.svg import svg
from pacha.porcelain.drawings.tree import tree_text
from pacha.porcelain.lineage import Direction, LineageReport, lineage
from pacha.porcelain.recipes import RecipeFile, recipe_file

#: The forms of a card: for reading, for a model's page with front matter, for editing.
CARD_FORMS = ("markdown", "readme", "toml")
_DRAWINGS: Mapping[str, Callable[[LineageReport], str]] = {
    "tree": tree_text, "dot": dot, "mermaid": mermaid, "svg": svg,
}  # fmt: skip


class Exporting(Reading):
    """What is registered, as texts."""

    def card_text(self, reference: Reference, *, form: str = "readme") -> str:
        """A card as a README.md with front matter (`readme`), as `markdown`, or as the `toml` that a person edits.

        Errors: as `get`, `BadCard`, `BadArgument` for another form, `Usage` for the README of a recipe.
        """
        if form not in CARD_FORMS:
            raise BadArgument(f"no such form of a card: {form!r}", hint=f"forms are {', '.join(CARD_FORMS)}")
        return card_text(self._workspace, self._revision(reference).manifest, form=form)

    def schema_text(self, reference: Reference) -> str:
        """The columns of a dataset as a schema file (JSON). Errors: as `get`, `NoSchema`."""
        return schema_text(self._workspace, self._revision(reference).manifest)

    def recipe_file(self, reference: Reference) -> RecipeFile:
        """A recipe's TOML file, byte for byte; made from its card where its bytes are not here, which `note` says.

        Errors: as `get`, `BadArgument`, `Corrupt`, `BadCard`.
        """
        found = self.get(reference)
        if found.kind != "recipe":
            raise BadArgument(
                f"{found.reference} is a {found.kind}, not a recipe", hint="`Artifact.read` has its bytes"
            )
        return recipe_file(self._workspace, self._revision(reference))

    def provenance(self, reference: Reference) -> dict[str, Any]:
        """Where a commit came from, as a document of W3C PROV-JSON. Errors: as `get`."""
        report = lineage(self._workspace, self._revision(reference).manifest, direction=Direction.UP)
        return provenance(self._workspace, report)

    def draw(self, report: LineageReport, form: str = "tree") -> str:
        """A lineage as a `tree` of text, as Graphviz `dot`, `mermaid` or `svg`. Errors: `BadArgument`, `TooManyNodes`."""
        if form not in _DRAWINGS:
            raise BadArgument(f"no such drawing: {form!r}", hint=f"drawings are {', '.join(_DRAWINGS)}")
        return _DRAWINGS[form](report)
