"""Encoders: the convolutions whose features a painting is judged by, and the weights that they are loaded from.

``layers`` names layers, ``network`` runs them with the ``operators``, ``formats`` reads files of weights, ``loading``
goes from a name to an encoder, and ``published`` downloads the weights that others have published.
"""
