"""Cluster: painting of batches on the machines of a Ray cluster.

``connection`` joins a cluster safely, ``resources`` computes the needs of a painting, ``tasks`` runs on the machines,
and ``executor`` is the second implementation of :class:`impasto.batches.executor.Executor`. Needs ``impasto[cluster]``.
"""
