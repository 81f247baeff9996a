"""Benchmarks, which the tests never run at full size."""
