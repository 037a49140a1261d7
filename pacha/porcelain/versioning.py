"""Which version number tells the truth about what changed: MAJOR for a break, MINOR for more, PATCH for a mend.

A dataset's number is held to that, since its readers rely on columns. Of a model, `auto` goes by its tensors.
"""

from pacha.base.errors import Absent, Corrupt
from pacha.base.semver import Version
from pacha.formats.change import NO_CHANGE
from pacha.objects.manifest import Manifest
from pacha.porcelain.data import schema_change
from pacha.porcelain.workspace import Workspace
from pacha.registry.dataversion import check_version, right_version, version_before

AUTO = "auto"
PARTS = ("major", "minor", "patch")


def precedence(version: str) -> str:
    """What of a version's text says where it stands among others: two that are alike in it may not both exist.

    >>> precedence("1.0.0-rc.1+build.7")
    '1.0.0-rc.1'
    """
    return version.partition("+")[0]


def check_fits(workspace: Workspace, version: Version, manifest: Manifest) -> None:
    """Refuses a dataset's version number that hides what changed in its schema. Errors: `LyingVersion`."""
    if manifest.artifact.kind != "data":
        return
    catalog = workspace.catalog
    known = [Version.parse(text) for text in catalog.tagged(manifest.artifact).texts()]
    previous = version_before(known, version)
    tagged = None if previous is None or version in known else catalog.version(manifest.artifact, previous)
    if previous is None or tagged is None:
        return
    try:
        before = catalog.manifest(tagged.manifest)
    except (Absent, Corrupt):
        return
    change = schema_change(before, manifest)
    if change is not None and change.changes:
        check_version(previous, version, change)


def fitting_version(previous: Version, before: Manifest, after: Manifest) -> Version:
    """The version that fits what changed since the one before."""
    is_new = before.digest != after.digest
    if after.artifact.kind == "data":
        rows = before.card.get("instance_count") != after.card.get("instance_count")
        return right_version(
            previous, schema_change(before, after) or NO_CHANGE, is_content_new=is_new, rows_changed=rows
        )
    if not is_new:
        return previous.bump("patch")
    structure = (before.facts.get("structure"), after.facts.get("structure"))
    if all(structure) and structure[0] != structure[1]:
        return previous.bump("major")
    dtypes = (before.facts.get("dtypes"), after.facts.get("dtypes"))
    return previous.bump("patch" if all(dtypes) and dtypes[0] != dtypes[1] else "minor")
