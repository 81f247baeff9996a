"""Settings: every knob of a run, declared once for the command line, the library, saved pictures and batches."""
