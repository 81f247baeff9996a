"""Runs: one painting on disk, with its outputs, checkpoints, sheets and plots; no command line."""
