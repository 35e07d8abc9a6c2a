"""GitHub's workflow files: read with lines and columns, linted, begun. Imports none of our packages."""
