"""Paint one picture from files to files: outputs, checkpoints, sheets and plots, without a command line."""
