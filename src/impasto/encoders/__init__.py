"""Encoders: the convolutions whose features a painting is compared by, and the weights that they load.

``names`` parses encoder names, ``layers`` names layers, ``network`` runs the convolutions with the ``operators``,
``weight_files`` reads weights, ``loading`` turns a name into an encoder, and ``published`` downloads public weights.
"""

from __future__ import annotations

import lazy_loader

# ``layers``, ``names`` and the catalogue do without PyTorch. ``__init__.pyi`` lists the public names.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
