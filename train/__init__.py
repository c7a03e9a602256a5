"""tsn.train: the networks in PyTorch, the weights that can be read, and the training stage."""
