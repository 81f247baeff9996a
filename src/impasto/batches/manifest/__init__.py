"""Manifests: plans of paintings that any scheduler can run, on one machine or on many.

``planning`` makes the ``entries`` of a manifest from pictures at ``addresses``, which are paths or URLs. ``outcomes``
recognises finished and failed entries, and ``batch`` paints the others on an executor. Workers call ``painting``, which
brings pictures from and to URLs by ``storage``; only ``storage`` imports fsspec.
"""
