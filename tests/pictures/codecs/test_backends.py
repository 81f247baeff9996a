import io
import os
import sys
import threading
import warnings

import pytest
from PIL import Image, UnidentifiedImageError

from impasto.errors import PictureError
from impasto.pictures.codecs import backends, formats
from tests.pictures import tiff_files as tiff
from tests.pictures.samples import assert_one_sentence, noise


def test_vips_restores_environment(monkeypatch):
    backends.vips.cache_clear()
    monkeypatch.delenv("VIPS_WARNING", raising=False)
    assert backends.vips().__name__ == "pyvips"
    assert "VIPS_WARNING" not in os.environ
    backends.vips.cache_clear()
    monkeypatch.setenv("VIPS_WARNING", "mine")
    backends.vips()
    assert os.environ["VIPS_WARNING"] == "mine"


def test_missing_vips_raises_picture_error(monkeypatch):
    backends.vips.cache_clear()
    monkeypatch.setitem(sys.modules, "pyvips", None)
    with pytest.raises(PictureError) as refused:
        backends.vips()
    assert_one_sentence(refused.value, "pip install")
    monkeypatch.undo()
    backends.vips.cache_clear()


def test_quiet_pillow_restores_limit_and_warnings(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 123)
    with backends.quiet_pillow():
        assert Image.MAX_IMAGE_PIXELS is None
        warnings.warn("suppressed", stacklevel=1)
    assert Image.MAX_IMAGE_PIXELS == 123
    with pytest.raises(KeyError), backends.quiet_pillow():
        raise KeyError
    assert Image.MAX_IMAGE_PIXELS == 123


def test_quiet_pillow_is_thread_safe(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 123)

    def work():
        for _ in range(50):
            with backends.quiet_pillow():
                assert Image.MAX_IMAGE_PIXELS is None

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Image.MAX_IMAGE_PIXELS == 123


@pytest.mark.parametrize("guard", [backends.decoding_errors, backends.encoding_errors])
@pytest.mark.parametrize(
    "error", [ValueError("two\nlines"), MemoryError(), OSError(5, "Input/output error"), SyntaxError()]
)
def test_library_errors_become_picture_errors(guard, error):
    with pytest.raises(PictureError) as refused, guard("x.png"):
        raise error
    assert_one_sentence(refused.value, "x.png")
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_picture_errors_and_interrupts_pass_unchanged():
    with pytest.raises(PictureError, match=r"^mine$"), backends.decoding_errors("x"):
        raise PictureError("mine")
    with pytest.raises(PictureError, match=r"^mine$"), backends.encoding_errors("x"):
        raise PictureError("mine")
    with pytest.raises(KeyboardInterrupt), backends.decoding_errors("x"):
        raise KeyboardInterrupt


def test_message_contains_no_object_repr():
    with pytest.raises(PictureError) as refused, backends.decoding_errors("x.png"):
        raise UnidentifiedImageError("cannot identify image file <_io.BytesIO object at 0x7f>")
    assert "0x" not in str(refused.value)


def test_missing_formats_follow_libraries(monkeypatch):
    monkeypatch.setattr(backends.pillow_features, "check", lambda feature: feature != "avif")
    monkeypatch.setattr(backends.importlib.util, "find_spec", lambda name: None)
    assert backends.missing_formats() == ["AVIF", "HEIC"]
    assert set(backends.missing_formats()) <= set(formats.READABLE.replace(" and ", ", ").split(", "))


def test_quiet_pillow_silences_libtiff(capfd):
    data = tiff.tiff(tiff.page(noise(4, 5, 3), 2, tags={tiff.COMPRESSION: 34925}))
    with backends.quiet_pillow(), pytest.raises(OSError, match="decoder error"):
        Image.open(io.BytesIO(data)).load()
    assert capfd.readouterr().err == ""
    with pytest.raises(OSError, match="decoder error"):
        Image.open(io.BytesIO(data)).load()
    assert "LZMA" in capfd.readouterr().err
