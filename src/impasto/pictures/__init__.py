"""Reading pictures of every common kind, and writing them whole: depth, colour profile, transparency, provenance.

Inside impasto a picture is an array of floats: height × width × 3, sRGB-encoded values from 0 to 1. What a file holds
besides (its bit depth, a transparency mask, who took it and when) travels along in a ``Picture``.
"""

from impasto.files import Progress
from impasto.pictures.checking import check_output
from impasto.pictures.codecs.formats import SUFFIXES
from impasto.pictures.metadata.provenance import Provenance
from impasto.pictures.metadata.records import read_record
from impasto.pictures.picture import Picture, PictureWarning
from impasto.pictures.reading import MAX_PIXELS, PictureSource, read_picture
from impasto.pictures.sizes import fit, resize, resize_by_area
from impasto.pictures.transparency import off_white, over_white
from impasto.pictures.writing import Strips, write_picture

__all__ = [
    "MAX_PIXELS",
    "SUFFIXES",
    "Picture",
    "PictureSource",
    "PictureWarning",
    "Progress",
    "Provenance",
    "Strips",
    "check_output",
    "fit",
    "off_white",
    "over_white",
    "read_picture",
    "read_record",
    "resize",
    "resize_by_area",
    "write_picture",
]
