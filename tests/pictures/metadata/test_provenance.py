import io
import math

import pytest
from PIL import Image

from impasto.pictures import Provenance
from impasto.pictures.metadata import tags
from impasto.pictures.metadata.provenance import provenance_from, provenance_tags

FULL = Provenance("© 2020 Zoë, 絵", "Zoë Ünal", "2020:01:02 03:04:05", (300.0, 150.5))


def read_back(provenance: Provenance) -> Provenance:
    file = io.BytesIO(tags.exif_block(*provenance_tags(provenance)))
    main = tags.read_tags(file)
    return provenance_from(main, tags.read_exif_tags(file, main) or {}, {})


@pytest.mark.parametrize("provenance", [FULL, Provenance(), Provenance(artist="a"), Provenance(dpi=(72, 72))])
def test_round_trip(provenance):
    assert read_back(provenance) == provenance


def test_the_software_is_named():
    main, _ = provenance_tags(Provenance())
    assert [tag.payload for tag in main if tag.number == tags.SOFTWARE] == [b"impasto\0"]


def test_nothing_else_is_ever_written():
    main, exif = provenance_tags(FULL)
    allowed = {tags.SOFTWARE, tags.DATE, tags.ARTIST, tags.COPYRIGHT}
    allowed |= {tags.X_RESOLUTION, tags.Y_RESOLUTION, tags.RESOLUTION_UNIT}
    assert {tag.number for tag in main} == allowed
    assert {tag.number for tag in exif} == {tags.DATE_ORIGINAL}


def test_long_and_strange_texts_fit():
    kept = read_back(Provenance(copyright="é" * 100_000, artist="a\0b"))
    assert kept.copyright == "é" * 4000
    assert kept.artist == "a b"


def test_the_day_of_the_photograph_goes_before_the_day_of_the_file():
    main = {tags.DATE: "2022:01:01 00:00:00"}
    assert provenance_from(main, {}, {}).date == "2022:01:01 00:00:00"
    digitised = {tags.DATE_DIGITISED: "2021:01:01 00:00:00"}
    assert provenance_from(main, digitised, {}).date == "2021:01:01 00:00:00"
    original = digitised | {tags.DATE_ORIGINAL: "2020:01:01 00:00:00"}
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
def test_texts_are_read_as_they_were_meant(stored, expected):
    assert provenance_from({tags.COPYRIGHT: stored}, {}, {}).copyright == expected


def test_png_texts():
    info = {"Copyright": "c", "Author": "a", "Creation Time": "Thu, 02 Jan 2020 03:04:05 GMT", "dpi": (72, 72)}
    assert provenance_from({}, {}, info) == Provenance("c", "a", "2020:01:02 03:04:05", (72, 72))
    assert (
        provenance_from({}, {}, {"Artist": "b", "Creation Time": "2020-01-02T03:04:05"}).date == "2020:01:02 03:04:05"
    )
    assert provenance_from({}, {}, {"Creation Time": "last summer"}).date is None
    assert provenance_from({tags.ARTIST: "exif"}, {}, info).artist == "exif"


@pytest.mark.parametrize(
    ("unit", "expected"), [(2, (100.0, 50.0)), (None, (100.0, 50.0)), (3, (254.0, 127.0)), (1, None), (9, None)]
)
def test_units_of_resolution(unit, expected):
    main = {tags.X_RESOLUTION: 100, tags.Y_RESOLUTION: 50}
    if unit is not None:
        main[tags.RESOLUTION_UNIT] = unit
    assert provenance_from(main, {}, {}).dpi == expected


@pytest.mark.parametrize(
    "dpi", [None, 300, (300,), (0, 0), (-1, 72), (math.nan, 72), (math.inf, 72), ("a", "b"), (1e9, 1)]
)
def test_senseless_resolutions_are_left_out(dpi):
    assert provenance_from({}, {}, {"dpi": dpi}).dpi is None
    assert read_back(Provenance(dpi=dpi)).dpi is None


def test_gps_is_not_among_it():
    exif = Image.Exif()
    exif[tags.ARTIST] = "a"
    exif.get_ifd(0x8825)[1] = "N"
    assert provenance_from(exif, {}, {}) == Provenance(artist="a")
