"""Print the progress of runs and batches: on a terminal, in a log, or as JSON."""
