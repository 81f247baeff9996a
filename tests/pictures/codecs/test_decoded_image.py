import numpy as np
import pytest

from impasto.errors import PictureError
from impasto.pictures import Provenance
from impasto.pictures.codecs.decoded_image import DecodedImage, check_size, to_picture
from tests.pictures.samples import assert_one_sentence


@pytest.mark.parametrize(("dtype", "depth"), [(np.uint8, 8), (np.uint16, 16), (np.float32, 16)])
def test_to_picture_maps_full_values_to_one(dtype, depth):
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    picture = to_picture(
        DecodedImage(np.full((2, 3), top, dtype), np.full((2, 3), top, dtype), Provenance("c")), None, "digest"
    )
    assert picture.pixels.shape == (2, 3, 3)
    assert (picture.pixels == 1).all()
    assert (picture.alpha, picture.depth, picture.sha256) == (None, depth, "digest")
    assert picture.provenance == Provenance("c")


def test_check_size_rejects_empty_and_large():
    check_size(10, 10, 100, "x")
    for width, height in ((10, 11), (0, 5), (5, 0)):
        with pytest.raises(PictureError) as refused:
            check_size(width, height, 100, "x")
        assert_one_sentence(refused.value, "x", f"{width} × {height}")
