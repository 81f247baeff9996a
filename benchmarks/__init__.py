"""Measurements, never run by the tests: ``python -m benchmarks.engine``."""
