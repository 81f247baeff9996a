"""Batches: planning many paintings, skipping finished ones, and painting the rest in parallel.

``collecting`` finds pictures, ``naming`` derives output names, ``works`` pairs photographs with styles, ``variants``
varies the settings of one picture, and ``checking`` marks finished works by their ``fingerprints``. ``batch`` schedules
works on an ``executor``; ``processes`` is the executor of this machine, which runs ``worker``. ``events`` report
progress. ``manifest`` plans batches for many machines. Only ``worker`` imports PyTorch.
"""
