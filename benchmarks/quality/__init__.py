"""How good the pictures are and what they cost, beside other ways to paint: ``python -m benchmarks.quality``."""
