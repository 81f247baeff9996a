"""Colour: the colours of a painting, from its style, its photograph or a palette."""
