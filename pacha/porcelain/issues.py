"""What two sides can leave unsettled: a word for each, which `status` says and `resolve` settles."""

from enum import Enum


class Issue(Enum):
    """What is unsettled."""

    HEADS = "several heads"
    VERSION = "same version twice"
    STAGES = "stage log forks"
