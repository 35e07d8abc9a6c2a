"""What the step does, from inputs to receipt: read, check, ask for a token, send."""

from zekt_action import body, event, payload, schema
from zekt_action.inputs import Inputs
from zekt_action.oidc import TokenSource
from zekt_action.post import Letter, Receipt, post
from zekt_action.report import Report
from zekt_action.transport import Transport
from zekt_action.tries import Deadline


def prepare(inputs: Inputs, report: Report) -> tuple[Letter, TokenSource]:
    """Check everything that can be checked before the first call.

    Raises:
        ActionError: the message, its schema or the job's permissions do not fit.
    """
    job = report.job
    started_by = event.read(job.event_file)
    message = payload.take(inputs, job)
    report.note(payload_bytes=str(len(message.raw)), payload_sha256=message.sha256)
    if inputs.payload_schema:
        schema.check(inputs.payload_schema, message.value, job)
    name = body.message_id(job, inputs.event_type, message.sha256)
    report.note(message_id=name)
    fork = event.from_fork(started_by, job.repository)
    tokens = TokenSource(job.oidc_url, job.oidc_secret, inputs.audience, fork=fork)
    tokens.check()
    raw = body.build(job, inputs.event_type, message, name, event.causation(started_by))
    return Letter(inputs.api_url, job.repository, name, raw), tokens


def send(
    letter: Letter, tokens: TokenSource, report: Report, transport: Transport, *, most: int, deadline: Deadline
) -> Receipt:
    """Deliver what was prepared, telling the log of every failed try."""
    return post(letter, tokens, transport, most=most, deadline=deadline, mask=report.mask, tell=report.say)


def tell_sent(report: Report, event_type: str, receipt: Receipt) -> None:
    """The message is with the broker: say so everywhere."""
    report.note(
        event_id=receipt.event_id,
        consumers_notified=str(receipt.consumers_notified),
        status="success",
    )
    before = " (it had it already)" if receipt.known_before else ""
    size, name = report.known["payload-bytes"], report.known["event-id"]
    line = f"Sent {event_type}: {size} bytes, as {name}{before}; consumers: {receipt.consumers_notified}."
    rows = {"Event type": event_type, "Tries": str(receipt.tries)}
    if receipt.redacted:
        rows["Credentials taken out"] = ", ".join(receipt.redacted)
        line += f" Credentials were taken out by the broker: {rows['Credentials taken out']}."
    report.succeeded("Zekt: message sent", line, **rows)
