"""Quality and cost of the paintings compared with other methods: ``python -m benchmarks.quality``."""
