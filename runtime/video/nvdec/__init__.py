"""Decoding on an NVIDIA GPU."""
