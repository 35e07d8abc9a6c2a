"""What cannot be done in the local room, said once for all of it."""


class LocalError(ValueError):
    """It was asked wrongly, or something is missing; the text says what, why, and what to paste."""


class CannotStart(LocalError):  # noqa: N818 - it reads as what happened
    """GitHub would call it a startup failure: the run is there, and none of its jobs."""
