"""Checkpoints: a run's state on disk, so that it survives a signal, a crash or a power cut.

``files`` is the container, ``slot`` the places of two generations of it and their lock, ``writer`` writes one now and
then while a painter paints, ``resuming`` makes a painter that goes on, and ``folder`` says where runs lie that the user
gave no place. Only ``writer`` and ``resuming`` load PyTorch.
"""
