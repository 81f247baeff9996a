"""Comparison of encoders by their paintings."""
