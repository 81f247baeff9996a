"""Training of the built-in encoder: ``python -m training.train --help``, ``python -m training.export --help``."""
