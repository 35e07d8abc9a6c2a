"""What several test folders share; pytest puts `tests/` on the import path for it."""
