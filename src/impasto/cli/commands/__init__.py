"""The commands, one module for each group.

Slow modules are imported by the commands' functions, so that the help and most refusals come at once.
"""
