"""tsn.runtime: styles videos and pictures with an exported bundle. Never imports torch."""
