"""The colours of a painting, which come from its styles, its photograph or a palette."""
