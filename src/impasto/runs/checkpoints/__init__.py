"""Checkpoints: a run's state on disk, which survives a signal, a crash or a power failure.

``container`` is the file format, ``slot`` keeps two generations and their lock, ``writer`` writes them from a painter's
events, ``resuming`` makes a painter that continues, and ``folder`` is the default place of checkpoints.
"""
