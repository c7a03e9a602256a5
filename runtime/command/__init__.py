"""How every command runs and ends: streams, signals, progress, one line on stderr and an exit code."""
