import os
import sys
import threading
import warnings

import pytest
from PIL import Image, UnidentifiedImageError

from impasto.errors import PictureError
from impasto.pictures.codecs import libraries
from tests.pictures.samples import assert_one_sentence


def test_vips_leaves_the_environment_as_it_was(monkeypatch):
    libraries.vips.cache_clear()
    monkeypatch.delenv("VIPS_WARNING", raising=False)
    assert libraries.vips().__name__ == "pyvips"
    assert "VIPS_WARNING" not in os.environ
    libraries.vips.cache_clear()
    monkeypatch.setenv("VIPS_WARNING", "mine")
    libraries.vips()
    assert os.environ["VIPS_WARNING"] == "mine"


def test_a_missing_vips_is_a_sentence(monkeypatch):
    libraries.vips.cache_clear()
    monkeypatch.setitem(sys.modules, "pyvips", None)
    with pytest.raises(PictureError) as refused:
        libraries.vips()
    assert_one_sentence(refused.value, "pip install")
    monkeypatch.undo()
    libraries.vips.cache_clear()


def test_pillow_is_quiet_inside_and_as_before_outside(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 123)
    with libraries.quiet_pillow():
        assert Image.MAX_IMAGE_PIXELS is None
        warnings.warn("nobody hears this", stacklevel=1)
    assert Image.MAX_IMAGE_PIXELS == 123
    with pytest.raises(KeyError), libraries.quiet_pillow():
        raise KeyError
    assert Image.MAX_IMAGE_PIXELS == 123


def test_the_limit_survives_many_threads(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 123)

    def work():
        for _ in range(50):
            with libraries.quiet_pillow():
                assert Image.MAX_IMAGE_PIXELS is None

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Image.MAX_IMAGE_PIXELS == 123


@pytest.mark.parametrize("guard", [libraries.decoding, libraries.encoding])
@pytest.mark.parametrize(
    "error", [ValueError("two\nlines"), MemoryError(), OSError(5, "Input/output error"), SyntaxError()]
)
def test_errors_become_sentences(guard, error):
    with pytest.raises(PictureError) as refused, guard("x.png"):
        raise error
    assert_one_sentence(refused.value, "x.png")
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_sentences_and_interrupts_pass():
    with pytest.raises(PictureError, match=r"^mine$"), libraries.decoding("x"):
        raise PictureError("mine")
    with pytest.raises(PictureError, match=r"^mine$"), libraries.encoding("x"):
        raise PictureError("mine")
    with pytest.raises(KeyboardInterrupt), libraries.decoding("x"):
        raise KeyboardInterrupt


def test_no_representation_of_objects_is_shown():
    with pytest.raises(PictureError) as refused, libraries.decoding("x.png"):
        raise UnidentifiedImageError("cannot identify image file <_io.BytesIO object at 0x7f>")
    assert "0x" not in str(refused.value)
