"""Measures the broker and the actions as what they are: processes. It is not installed with them."""
