"""Codec 3: the difference of a tensor's bytes to those of a base of the same length, as planes.

Source: docs/format.md, "Planes" and "Bases"; docs/decisions/0030-differences.md.
"""

from pacha.store.codec.planes import PlanesCodec


class DeltaPlanesCodec(PlanesCodec):
    """Planes of the difference to a base."""

    number = 3
    name = "delta-planes"
    needs_base = True


CODEC = DeltaPlanesCodec
