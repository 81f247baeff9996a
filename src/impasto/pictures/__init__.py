"""Reading pictures of every common format, and writing them with depth, colour profile, alpha and provenance.

Inside impasto a picture is an array of floats: height × width × 3, sRGB-encoded values from 0 to 1. A ``Picture`` adds
the other facts from its file: bit depth, alpha, author and date.
"""

from impasto.pictures.checking import check_output
from impasto.pictures.codecs.formats import SUFFIXES
from impasto.pictures.metadata.provenance import Provenance
from impasto.pictures.metadata.records import read_record
from impasto.pictures.opening import open_picture
from impasto.pictures.picture import Picture, PictureWarning
from impasto.pictures.progress import ProgressCallback
from impasto.pictures.reading import MAX_PIXELS, PictureSource, read_picture
from impasto.pictures.sizes import resize, resize_by_area, scaled_size
from impasto.pictures.transparency import extend_colours, off_white, over_white
from impasto.pictures.writing import write_picture

__all__ = [
    "MAX_PIXELS",
    "SUFFIXES",
    "Picture",
    "PictureSource",
    "PictureWarning",
    "ProgressCallback",
    "Provenance",
    "check_output",
    "extend_colours",
    "off_white",
    "open_picture",
    "over_white",
    "read_picture",
    "read_record",
    "resize",
    "resize_by_area",
    "scaled_size",
    "write_picture",
]
