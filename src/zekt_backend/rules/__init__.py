"""Pure rules: no I/O; time and ids come as arguments."""
