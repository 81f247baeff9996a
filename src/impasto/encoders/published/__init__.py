"""Published weights: the catalogue, the download, and the cache."""
