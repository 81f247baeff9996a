"""Comparison of a GPU with the CPU, and speed of paintings on it."""
