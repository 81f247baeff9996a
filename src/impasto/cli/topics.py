"""Short texts on subjects that concern several options, for ``impasto help TOPIC``."""

from __future__ import annotations

from collections.abc import Mapping

TOPICS: Mapping[str, str] = {
    "masks": """\
Masks paint parts of the photo in different styles, or leave them as they are.

  impasto paint photo.jpg swirls mosaic --mask 2=sky.png
      paints the sky as mosaic and the rest as swirls
  impasto paint photo.jpg swirls --protect face.png
      leaves the face as it is in the photo
  impasto paint photo.jpg swirls --protect faces
      finds the faces itself; needs pip install "impasto[faces]"
  impasto paint photo.jpg monet.jpg --style-mask 1=corner.png
      takes the strokes from one part of the painting only

A mask is a picture with the proportions of the photo (or of the painting, for
--style-mask): white inside, black outside, grey in between. Draw it in any
program. The number is that of the STYLE, from 1. Styles without a mask share
the rest. `impasto again out.png --mask 2=none` leaves a stored mask out.

More, in the source: docs/control.md""",
    "colour": """\
The colours come from the painting, unless you say otherwise.

  --colour style      the painting's colours; the default
  --colour keep       the photo's own colours; only light and shade are painted
  --colour match      the photo's range of colours, freely placed
  --colour palette    the painting's few main colours

  impasto paint photo.jpg swirls --colours-from woodcut
      the strokes of swirls in the colours of woodcut
  impasto paint photo.jpg woodcut --texture-from swirls
      the same picture, said the other way round

--color and --colors-from work as well. More, in the source: docs/control.md""",
    "large": """\
Paint small until you like it, and then the same picture large.

  impasto paint photo.jpg swirls --size 384 -o small.png
  impasto again small.png --size 4000 -o large.png
      keeps the composition of small.png and adds the finer strokes
  impasto paint photo.jpg swirls --size original
      is as large as the photo

  --explain      prints octaves, memory and expected time, without painting
  --memory 4G    bounds the memory: larger pictures are painted in tiles, with
                 the same result
  --preset       quick, default or fine: more time for more finish

Runs of more than two minutes can be interrupted: `impasto help resume`.
More, in the source: docs/large.md""",
    "resume": """\
A painting of more than two minutes survives Ctrl-C, a crash and a power cut.

  impasto runs                  lists the interrupted paintings
  impasto resume                finishes the newest one
  impasto resume NAME           finishes another one
  impasto runs --remove NAME    forgets one

The picture is the same as without the interruption. After Ctrl-C, the best
picture so far is written at once, marked incomplete. For shorter runs, or to
keep the checkpoint in a place of your own, give paint the option
--checkpoint FILE, and continue with `impasto resume FILE`.

More, in the source: docs/resume.md""",
}
"""Texts by topic, in lines of at most 80 columns."""
