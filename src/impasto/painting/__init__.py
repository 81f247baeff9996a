"""One painting: inputs, octaves, the plan for the memory, the loop, its events and its result."""
