"""What can be wrong with a file before anything can be said about its contents."""

MAX_BYTES = 131_072
"""Longer files are not read."""


class WorkflowFileError(Exception):
    """The file is no workflow that GitHub would run; `path:line:column: why`, where both count from 1.

    A place is 0 where the whole file is meant.
    """

    def __init__(self, why: str, *, path: str = "", line: int = 0, column: int = 0) -> None:
        super().__init__(why)
        self.why = why
        self.path = path
        self.line = line
        self.column = column

    def __str__(self) -> str:
        place = [self.path, *(str(number) for number in (self.line, self.column) if number)]
        return ": ".join(part for part in (":".join(filter(None, place)), self.why) if part)
