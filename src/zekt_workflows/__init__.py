"""GitHub's workflow files: read with lines and columns. Imports none of our packages."""
