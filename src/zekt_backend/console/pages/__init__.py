"""A file per page or per few that belong together; their addresses are in `console/table.py`."""
