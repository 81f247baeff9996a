"""Make the pictures of docs/control.md with the commands shown beside them.

    python docs/control_pictures.py [NAME…]

Names choose pictures, as ``mask`` for ``control-mask.jpg``; all together take some minutes. This needs
``impasto[demo,faces]``.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image, ImageDraw, ImageFilter

from impasto.pictures import read_picture, write_picture
from impasto.samples import STYLE_NAMES, photos, style_path

PICTURES = Path(__file__).parent / "pictures"
QUICK = "--size 320 --preset quick"

PAINTED = {
    "colour-style": f"paint chelsea.png swirls.png {QUICK}",
    "colour-keep": f"paint chelsea.png swirls.png --colour keep {QUICK}",
    "colour-match": f"paint chelsea.png swirls.png --colour match {QUICK}",
    "colour-palette": f"paint chelsea.png swirls.png --colour palette {QUICK}",
    "colours-from": f"paint chelsea.png swirls.png --colours-from woodcut.png {QUICK}",
    "texture-from": f"paint chelsea.png swirls.png --texture-from mosaic.png {QUICK}",
    "strokes-small": f"paint chelsea.png swirls.png --stroke-size 0.5 {QUICK}",
    "strokes-large": f"paint chelsea.png swirls.png --stroke-size 2 {QUICK}",
    "detail-0": f"paint chelsea.png swirls.png --detail 0 {QUICK}",
    "detail-1": f"paint chelsea.png swirls.png --detail 1 {QUICK}",
    "mask-none": f"paint coffee.png swirls.png mosaic.png {QUICK}",
    "mask": f"paint coffee.png swirls.png mosaic.png --mask 2=saucer.png {QUICK}",
    "style-mask-none": f"paint coffee.png swirls.png {QUICK}",
    "style-mask": f"paint coffee.png swirls.png --style-mask 1=fields.png {QUICK}",
    "protect-none": f"paint astronaut.png swirls.png {QUICK}",
    "protect": f"paint astronaut.png swirls.png --protect head.png {QUICK}",
    "protect-faces": f"paint astronaut.png mosaic.png --protect faces {QUICK}",
    "texture": "texture woodcut.png",
    "seamless": "texture swirls.png --seamless",
    "expert": "paint chelsea.png swirls.png --set losses.style.relu1_1=0 --set losses.style.relu2_1=0 "
    "--set losses.style.gabor2=0 "
    f"--set losses.style.relu4_1=4 {QUICK}",
}
"""Command line of each painted picture by its name, without ``-o``."""

VARIED = {
    "strength": (PAINTED["colour-style"], "--set strength=0,0.25,0.5,0.75,1"),
    "series": (f"paint chelsea.png swirls.png woodcut.png {QUICK}", "--between 5"),
    "grid": (PAINTED["colour-style"], "--set stroke_size=0.5,1 --set strength=0.3,0.5,0.7"),
}
"""Command lines of each grid by its name: of the painting, and of ``vary``."""

DRAWN = {
    "mask-file": "saucer.png",
    "protect-file": "head.png",
    "style-mask-file": "fields.png",
    "woodcut": "woodcut.png",
}
"""Source file of each picture that is shown unchanged."""

LONG_SIDE = 320
"""Long side in pixels of the pictures on the page."""

OTHER_SIDES = {
    "mask-file": 160,
    "protect-file": 160,
    "style-mask-file": 160,
    "seamless": 480,
    "series": 1200,
    "strength": 1200,
    "grid": 1000,
}
"""Long sides in pixels of the pictures whose long side is not :data:`LONG_SIDE`."""


def main(names: Sequence[str]) -> None:
    """Make pictures of the page.

    Args:
        names: names of the pictures; empty for all.
    """
    wanted = [name for name in (*DRAWN, *PAINTED, *VARIED) if name in names or not names]
    if unknown := {*names} - {*wanted}:
        sys.exit(f"There are no pictures of these names: {', '.join(sorted(unknown))}.")
    with TemporaryDirectory() as folder:
        make_sources(Path(folder))
        for name in wanted:
            with Image.open(picture_of(name, Path(folder))) as picture:
                keep(picture.convert("RGB"), name)


def make_sources(folder: Path) -> None:
    """Write photographs, paintings and masks into a folder."""
    for photo in photos.PHOTO_NAMES:
        write_picture(folder / f"{photo}.png", photos.load_photo(photo))
    for style in STYLE_NAMES:
        write_picture(folder / f"{style}.png", read_picture(style_path(style)).pixels)
    ellipses((600, 400), [(279, 217, 203, 168), (290, 112, 124, 96)], soft=2).save(folder / "saucer.png")
    ellipses((512, 512), [(228, 75, 68, 58), (222, 128, 43, 56)], soft=4).save(folder / "head.png")
    fields((1024, 800)).save(folder / "fields.png")


def ellipses(size: tuple[int, int], places: Sequence[tuple[int, int, int, int]], soft: float) -> Image.Image:
    """Return a mask that is white in ellipses.

    Args:
        size: width and height in pixels.
        places: x and y of the centre, half the width and half the height of each ellipse, in pixels.
        soft: blur radius of the edges in pixels.
    """
    mask = Image.new("L", size)
    for x, y, across, down in places:
        ImageDraw.Draw(mask).ellipse((x - across, y - down, x + across, y + down), fill=255)
    return mask.filter(ImageFilter.GaussianBlur(soft))


def fields(size: tuple[int, int]) -> Image.Image:
    """Return a mask that is white on the lower third of the painting of swirls, under its sky."""
    width, height = size
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).rectangle((0, round(0.68 * height), width, height), fill=255)
    return mask


def picture_of(name: str, folder: Path) -> Path:
    """Return the file that a picture is made of, painting it if necessary."""
    if name in DRAWN:
        return folder / DRAWN[name]
    painted = f"control-{name}.png"
    if name in PAINTED:
        impasto(folder, *PAINTED[name].split(), "-o", painted)
        return folder / painted
    paint, vary = VARIED[name]
    impasto(folder, *paint.split(), "-o", painted)
    impasto(folder, "vary", painted, *vary.split())
    return folder / f"control-{name}-vary.png"


def impasto(folder: Path, *arguments: str) -> None:
    """Run a command in a folder; exit if it fails."""
    print("impasto", *arguments, flush=True)
    subprocess.run([sys.executable, "-m", "impasto", *arguments, "--quiet"], cwd=folder, check=True)


def keep(picture: Image.Image, name: str) -> None:
    """Write a picture of the page at its size; the seamless texture is repeated two by two."""
    if name == "seamless":
        picture = tiled(picture)
    side = OTHER_SIDES.get(name, LONG_SIDE)
    scale = min(1, side / max(picture.size))
    picture = picture.resize((round(scale * picture.width), round(scale * picture.height)), Image.Resampling.LANCZOS)
    picture.save(PICTURES / f"control-{name}.jpg", quality=90)


def tiled(picture: Image.Image) -> Image.Image:
    """Return the picture repeated two by two."""
    result = Image.new("RGB", (2 * picture.width, 2 * picture.height))
    for number in range(4):
        result.paste(picture, (number % 2 * picture.width, number // 2 * picture.height))
    return result


if __name__ == "__main__":
    main(sys.argv[1:])
