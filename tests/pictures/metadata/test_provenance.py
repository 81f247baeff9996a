import math

import pytest
from PIL import Image
from PIL.ExifTags import IFD, Base

from impasto.pictures import Provenance
from impasto.pictures.metadata.provenance import provenance_from, provenance_to_exif

FULL = Provenance("© 2020 Zoë, 絵", "Zoë Ünal", "2020:01:02 03:04:05", (300.0, 150.5))


def round_trip(provenance: Provenance) -> Provenance:
    exif = Image.Exif()
    exif.load(provenance_to_exif(provenance).tobytes())
    return provenance_from(exif, exif.get_ifd(IFD.Exif), {})


@pytest.mark.parametrize(
    "provenance", [FULL, Provenance(), Provenance(artist="a"), Provenance(dpi=(72, 72)), Provenance(date="一月")]
)
def test_provenance_survives_exif(provenance):
    assert round_trip(provenance) == provenance


def test_exif_has_software_and_no_unexpected_tags():
    assert dict(provenance_to_exif(Provenance())) == {Base.Software: "impasto"}
    exif = provenance_to_exif(FULL)
    expected = {Base.Software, Base.DateTime, Base.Artist, Base.Copyright}
    assert set(exif) == expected | {Base.XResolution, Base.YResolution, Base.ResolutionUnit}
    assert set(exif.get_ifd(IFD.Exif)) == {Base.DateTimeOriginal}


def test_long_texts_are_cut():
    kept = round_trip(Provenance(copyright="é" * 100_000, artist="a\0b"))
    assert kept.copyright == "é" * 4000
    assert kept.artist == "a b"


def test_original_date_precedes_file_date():
    main = {Base.DateTime: "2022:01:01 00:00:00"}
    assert provenance_from(main, {}, {}).date == "2022:01:01 00:00:00"
    digitised = {Base.DateTimeDigitized: "2021:01:01 00:00:00"}
    assert provenance_from(main, digitised, {}).date == "2021:01:01 00:00:00"
    original = digitised | {Base.DateTimeOriginal: "2020:01:01 00:00:00"}
    assert provenance_from(main, original, {}).date == "2020:01:01 00:00:00"


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("  plain \0\0", "plain"),
        ("Zoë".encode().decode("latin-1"), "Zoë"),  # UTF-8 that was taken for Latin-1
        ("Zo\xeb", "Zoë"),  # Latin-1 indeed
        ("絵", "絵"),
        (b"bytes", "bytes"),
        ("photographer\0editor\0", "photographer; editor"),
        ("   ", None),
        ("", None),
        (7, None),
        (("a", "b"), None),
    ],
)
def test_texts_are_decoded_and_stripped(stored, expected):
    assert provenance_from({Base.Copyright: stored}, {}, {}).copyright == expected


def test_png_texts_are_read():
    info = {"Copyright": "c", "Author": "a", "Creation Time": "Thu, 02 Jan 2020 03:04:05 GMT", "dpi": (72, 72)}
    assert provenance_from({}, {}, info) == Provenance("c", "a", "2020:01:02 03:04:05", (72, 72))
    assert (
        provenance_from({}, {}, {"Artist": "b", "Creation Time": "2020-01-02T03:04:05"}).date == "2020:01:02 03:04:05"
    )
    assert provenance_from({}, {}, {"Creation Time": "last summer"}).date is None
    assert provenance_from({Base.Artist: "exif"}, {}, info).artist == "exif"


@pytest.mark.parametrize(
    ("unit", "expected"), [(2, (100.0, 50.0)), (None, (100.0, 50.0)), (3, (254.0, 127.0)), (1, None), (9, None)]
)
def test_dpi_depends_on_unit(unit, expected):
    main = {Base.XResolution: 100, Base.YResolution: 50}
    if unit is not None:
        main[Base.ResolutionUnit] = unit
    assert provenance_from(main, {}, {}).dpi == expected


@pytest.mark.parametrize(
    "dpi", [None, 300, (300,), (0, 0), (-1, 72), (math.nan, 72), (math.inf, 72), ("a", "b"), (1e9, 1)]
)
def test_implausible_dpi_is_ignored(dpi):
    assert provenance_from({}, {}, {"dpi": dpi}).dpi is None
    assert round_trip(Provenance(dpi=dpi)).dpi is None


def test_gps_is_ignored():
    exif = Image.Exif()
    exif[Base.Artist] = "a"
    exif.get_ifd(IFD.GPSInfo)[1] = "N"
    assert provenance_from(exif, {}, {}) == Provenance(artist="a")
