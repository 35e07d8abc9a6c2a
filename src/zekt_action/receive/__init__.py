"""confirm and complete: the first and the last step of a consumer's job. Standard library only, Python 3.9."""
