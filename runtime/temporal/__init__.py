"""Temporal stability: motion between frames, anchors carried along it, frames held to them."""
