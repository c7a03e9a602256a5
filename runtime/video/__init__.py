"""Videos in and out: every frame with its own time and colour, beside the tracks of sound and text."""
