"""Tell the workflow and its readers how it went: outputs, job summary, annotation and log."""

from dataclasses import dataclass, field
from typing import TextIO

from zekt_action import commands, outputs
from zekt_action.errors import ActionError
from zekt_action.inputs import Job
from zekt_action.post import Receipt

NAMES = (
    "event-id",
    "status",
    "consumers-notified",
    "correlation-id",
    "message-id",
    "payload-bytes",
    "payload-sha256",
    "error-code",
)
"""The outputs of action.yml, in its order. All are always written; what is not known is empty."""


@dataclass
class Report:
    """Collects what is known on the way, so that also a failure can tell it."""

    job: Job
    out: TextIO
    known: dict[str, str] = field(default_factory=dict)

    def note(self, **values: str) -> None:
        self.known.update({name.replace("_", "-"): value for name, value in values.items()})

    def sent(self, event_type: str, receipt: Receipt) -> None:
        """The message is with the broker."""
        self.note(
            event_id=commands.printable(receipt.event_id),
            consumers_notified=str(receipt.consumers_notified),
            correlation_id=commands.printable(receipt.correlation_id) or self.job.run_id,
            status="success",
        )
        before = " (it had it already)" if receipt.known_before else ""
        commands.say(
            self.out,
            f"Sent {event_type}: {self.known['payload-bytes']} bytes as {self.known['event-id']}{before}, "
            f"consumers: {receipt.consumers_notified}.",
        )
        self._write("Zekt: message sent", {"Event type": event_type, "Tries": str(receipt.tries)})

    def failed(self, error: ActionError, *, level: str) -> None:
        """The message is not with the broker, as far as is known.

        Args:
            error: why.
            level: error, or warning where the step does not fail.
        """
        self.note(status="failed", error_code=error.code)
        commands.annotate_error(self.out, level, error)
        text = f"{commands.printable(error.detail)}\n{error.advice}"
        self._write(f"Zekt: {error.kind.title}", {"Error": error.code}, text)

    def _write(self, title: str, rows: dict[str, str], text: str = "") -> None:
        values = {name: self.known.get(name, "") for name in NAMES}
        shown = {
            name.replace("-", " ").capitalize(): value
            for name, value in values.items()
            if name != "error-code"
        }
        try:
            outputs.write(self.job.output_file, values)
            outputs.summarise(self.job.summary_file, title, {**rows, **shown}, text)
        except OSError as error:
            why = error.strerror or type(error).__name__
            commands.annotate(self.out, "warning", "Zekt: outputs not written", f"The runner's files: {why}.")
