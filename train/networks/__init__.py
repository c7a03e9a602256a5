"""The networks in PyTorch, and the weights that can be read."""
