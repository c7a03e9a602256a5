"""Pictures in and out, as files."""
