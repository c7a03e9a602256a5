"""tsn-bench: how fast a bundle is, whole and in parts, beside what a user would otherwise have."""
