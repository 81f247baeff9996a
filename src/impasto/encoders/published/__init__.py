"""Published weights: catalogue, download and cache."""
