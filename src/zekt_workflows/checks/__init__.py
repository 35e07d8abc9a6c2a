"""The linter's checks, by what they are about; each is a generator of findings in one file."""
