"""One verb per file: load, decide, write, tell. Only flows write."""
