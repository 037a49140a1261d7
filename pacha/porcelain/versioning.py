"""Which version number tells the truth about what changed: MAJOR for a break, MINOR for more, PATCH for a mend."""

from pacha.base.semver import Version
from pacha.objects.manifest import Manifest
from pacha.porcelain.workspace import Workspace

AUTO = "auto"
PARTS = ("major", "minor", "patch")


def check_fits(workspace: Workspace, version: Version, manifest: Manifest) -> None:
    """Refuses a dataset's version number that hides what changed in its schema. Errors: `LyingVersion`."""
    del workspace, version, manifest


def fitting_version(previous: Version, before: Manifest, after: Manifest) -> Version:
    """The version that fits what changed since the one before."""
    del before, after
    return previous.bump("minor")
