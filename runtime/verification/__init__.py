"""Engines compared with the networks that they were built from."""
