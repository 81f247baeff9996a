"""Settings: every parameter of a run, declared once for the command line, the library, saved pictures and batches.

:mod:`~impasto.settings.model` declares them with the types of :mod:`~impasto.settings.fields`,
:mod:`~impasto.settings.making` builds them from presets, files and keywords, and
:mod:`~impasto.settings.exclusions` lists the combinations that are refused.
"""
