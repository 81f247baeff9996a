"""Decoding and encoding: files and arrays to decoded values and back."""
