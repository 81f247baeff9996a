"""Cluster: painting of batches on the machines of a Ray cluster.

``connection`` joins a cluster safely, ``resources`` says what a painting needs, ``tasks`` runs on the machines, and
``executor`` is the second implementation of :class:`impasto.batches.executor.Executor`. Needs ``impasto[cluster]``.
"""
