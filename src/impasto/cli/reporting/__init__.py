"""Reporters: how the command line shows a run or a batch."""
