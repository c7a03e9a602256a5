"""Styles that are drawn by code."""
