"""impasto paints a photograph in the manner of a painting.

    import impasto

    painting = impasto.paint("photo.jpg", "painting.jpg", size=1024, strength=0.6)
    painting.save("painted.png")

``impasto.texture("painting.jpg", size=(1024, 512), seamless=True)`` paints a texture without a photograph.

Iterate over ``impasto.make_painter(content, style, …)`` to follow each step: it yields
:mod:`impasto.painting.events`.
"""

from __future__ import annotations

import lazy_loader

# PyTorch takes a second or two to load. ``__init__.pyi`` lists the public names, and each is imported on first use.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
