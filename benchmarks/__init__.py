"""tsn.benchmarks: measures how fast, how stable and how good the networks are."""
