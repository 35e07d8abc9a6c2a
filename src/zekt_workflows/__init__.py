"""GitHub's workflow files: read with lines and columns, and linted. Imports none of our packages."""
