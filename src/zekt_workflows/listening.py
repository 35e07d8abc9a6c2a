"""What a workflow file listens for, for whoever wants to know no more."""

from dataclasses import dataclass

from zekt_workflows.errors import WorkflowFileError

_EVENT = "repository_dispatch"


@dataclass(frozen=True, slots=True)
class Listening:
    """What starts it, as far as `repository_dispatch` goes."""

    dispatch: bool
    """Whether it listens for that event at all."""
    types: tuple[str, ...] | None = None
    """The event types, as written; None for every one."""
    unreadable: str = ""
    """Why the file could not be read; empty where it was."""

    def hears(self, event_type: str) -> bool:
        """GitHub's documentation knows equal values only: no patterns, and it says nothing of upper and lower case."""
        return self.dispatch and (self.types is None or event_type in self.types)

    def nearly_hears(self, event_type: str) -> bool:
        """Whether a type differs by upper and lower case alone, or has a `*` or `?` as patterns do."""
        if not self.dispatch or self.hears(event_type):
            return False
        return any(each.casefold() == event_type.casefold() or {"*", "?"} & set(each) for each in self.types or ())


def listening(text: str) -> Listening:
    """Read one file. Never raises: what cannot be read says why.

    Args:
        text: the whole file, at most `MAX_BYTES` in UTF-8.
    """
    # Not before a file is read: a server loads this, and YAML is memory in each of its processes.
    from zekt_workflows.reader import read_events  # noqa: PLC0415

    try:
        events = read_events(text)
    except WorkflowFileError as error:
        where = f"line {error.line}: " if error.line else ""
        return Listening(dispatch=False, unreadable=f"{where}{error.why}")
    for event in events:
        if event.name.text == _EVENT:
            types = None if event.types is None else tuple(each.text for each in event.types)
            return Listening(dispatch=True, types=types)
    return Listening(dispatch=False)
