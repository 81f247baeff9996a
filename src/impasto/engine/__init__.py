"""The engine: losses, their gradients and the optimisers, on tensors alone."""
