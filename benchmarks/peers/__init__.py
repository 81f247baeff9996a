"""Other painting methods, reimplemented from their papers or READMEs, with the same encoder as impasto.

They serve comparison, and are not part of the package. If a description leaves a number open or assumes other weights,
the module documents the choice made here.
"""
