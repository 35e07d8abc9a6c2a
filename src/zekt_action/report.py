"""Tell the workflow and its readers how it went: outputs, job summary, annotation and log. 3.9."""

from __future__ import annotations

from typing import TextIO

from zekt_action import commands, outputs
from zekt_action.errors import ActionError
from zekt_action.inputs import Job


class Report:
    """Collects what is known on the way, so that also a failure can tell it."""

    def __init__(
        self,
        job: Job,
        out: TextIO,
        names: tuple[str, ...],
        *,
        if_failed: dict[str, str] | None = None,
        known: dict[str, str] | None = None,
    ) -> None:
        """Know no more than this so far.

        Args:
            job: whose step it is.
            out: the step's log.
            names: the outputs of the step's action.yml. All are always written; what is not known is empty.
            if_failed: outputs that a failure sets, beside the error code.
            known: outputs.
        """
        self.job, self.out, self.names = job, out, names
        self.if_failed, self.known = if_failed or {}, known or {}

    def note(self, **values: str) -> None:
        """Keep outputs, with underscores for the hyphens of their names."""
        self.known.update({name.replace("_", "-"): value for name, value in values.items()})

    def say(self, text: str) -> None:
        commands.say(self.out, text)

    def mask(self, secret: str) -> None:
        commands.mask(self.out, secret)

    def succeeded(self, title: str, line: str, **rows: str) -> None:
        """Write outputs and summary; `line` is for the log, `rows` are further lines of the summary's table."""
        self.say(line)
        self._write(title, rows)

    def skipped(self, error: ActionError) -> None:
        """There was nothing to do, which is no error: a notice, and empty outputs."""
        commands.annotate_error(self.out, "notice", error)
        self._write("", {})

    def failed(self, error: ActionError, *, level: str) -> None:
        """The work is not done, as far as is known.

        Args:
            error: why.
            level: error, or warning where the step does not fail.
        """
        self.note(**self.if_failed, error_code=error.code)
        commands.annotate_error(self.out, level, error)
        text = f"{commands.printable(error.detail)}\n{error.advice}"
        self._write(f"Zekt: {error.kind.title}", {"Error": error.code}, text)

    def _write(self, title: str, rows: dict[str, str], text: str = "") -> None:
        values = {name: self.known.get(name, "") for name in self.names}
        shown = {name.replace("-", " ").capitalize(): values[name] for name in self.names if name in _SHOWN}
        try:
            outputs.write(self.job.output_file, values)
            if title:
                outputs.summarise(self.job.summary_file, title, {**rows, **shown}, text)
        except OSError as error:
            why = error.strerror or type(error).__name__
            commands.annotate(self.out, "warning", "Zekt: outputs not written", f"The runner's files: {why}.")


_SHOWN = {
    "event-id",
    "status",
    "consumers-notified",
    "correlation-id",
    "delivery-id",
    "message-id",
    "payload-bytes",
    "payload-sha256",
    "duplicate",
    "attempt",
}
"""Outputs for the summary; `payload` and its path are not for reading."""
