"""A file per noun, SQL beside its function."""
