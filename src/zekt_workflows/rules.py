"""Every rule of the linter; docs/lint.md has the same table."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    severity: Severity
    what: str
    why: str


_ERROR, _WARNING, _NOTE = Severity

PAYLOAD_IN_CODE = Rule(
    "payload-in-code", _ERROR, "A message's text is pasted into a script",
    "GitHub puts the text in before the script runs, so whatever a stranger wrote there is run, with the job's rights.",
)  # fmt: skip
PAYLOAD_IN_CONDITION = Rule(
    "payload-in-condition", _ERROR, "An `if` about the message is always true",
    "Text outside `${{ }}` makes one long text of the whole, and a text that is not empty counts as true.",
)  # fmt: skip
MISSING_PERMISSION = Rule(
    "missing-permission", _ERROR, "A job that speaks to the broker may not ask for its token",
    "The job's OIDC token is the only credential; GitHub gives one only under `id-token: write`, which no default has.",
)  # fmt: skip
COMPLETE_ALWAYS = Rule(
    "complete-always", _ERROR, "complete does not run when the job fails",
    "The provider is never told of the failure, and the delivery waits until its time is up.",
)  # fmt: skip
COMPLETE_CANCELLED = Rule(
    "complete-cancelled", _WARNING, "complete does not run when the job is cancelled",
    "A run that somebody cancels leaves its delivery open until its time is up; `always()` runs then, too.",
)  # fmt: skip
COMPLETE_STATUS = Rule(
    "complete-status", _ERROR, "complete is not told how the job ended",
    "It cannot see that by itself; without the job's status every end looks the same to the provider.",
)  # fmt: skip
CONFIRM_FIRST = Rule(
    "confirm-first", _WARNING, "confirm is not the first of Zekt's steps in its job",
    "Until it has run, nobody knows whether this delivery was confirmed by another run, and the work is done twice.",
)  # fmt: skip
PAYLOAD_SIZE = Rule(
    "payload-size", _WARNING, "`payload` takes what can be larger than the runner can hand on",
    "Linux holds one input to 131,057 bytes; a larger one dies as `Argument list too long` before our code starts. "
    "A file carries 524,288, and is not printed in the log.",
)  # fmt: skip
PAYLOAD_JSON = Rule(
    "payload-json", _ERROR, "`payload` is no JSON",
    "The message must be JSON as RFC 8259 has it; the step refuses anything else.",
)  # fmt: skip
UNKNOWN_INPUT = Rule(
    "unknown-input", _ERROR, "A step gives an input that the action does not have",
    "The runner only warns of it and goes on, so the step does without what was meant.",
)  # fmt: skip
EVENT_TYPE_UNSENT = Rule(
    "event-type-unsent", _WARNING, "The workflow listens for an event type that nobody sends",
    "GitHub compares event types as they are written, so a typing error means a workflow that never starts.",
)  # fmt: skip
DISPATCH_TYPES = Rule(
    "dispatch-types", _WARNING, "A consumer listens for every repository_dispatch",
    "It starts for each service that the repository subscribes to, and for what others dispatch.",
)  # fmt: skip
TARGET_SEND = Rule(
    "target-send", _WARNING, "A message is sent from pull_request_target",
    "The run may have a fork's text in it, and the repository's rights; the broker refuses it unless told to allow it.",
)  # fmt: skip
UNPINNED = Rule(
    "unpinned", _NOTE, "A part of Zekt is named by what can move",
    "Whoever can move the tag or branch decides what runs in the job; a commit is what you have read.",
)  # fmt: skip
DUPLICATE_UNREAD = Rule(
    "duplicate-unread", _NOTE, "Nobody looks at confirm's output `duplicate`",
    "A delivery can start two runs; the second is told so by this output, and does the work again unless it looks.",
)  # fmt: skip
RUN_NAME = Rule(
    "run-name", _NOTE, "A consumer's runs have no name of their own",
    "GitHub titles each with the bare event type, so that nobody can tell one from another.",
)  # fmt: skip
FAIL_ON_ERROR = Rule(
    "fail-on-error", _NOTE, "The job reads the message, and goes on without one",
    "confirm only warns when the broker cannot be asked, and `payload-path` is empty then.",
)  # fmt: skip

RULES = (
    PAYLOAD_IN_CODE, PAYLOAD_IN_CONDITION, MISSING_PERMISSION, COMPLETE_ALWAYS, COMPLETE_CANCELLED, COMPLETE_STATUS,
    CONFIRM_FIRST, PAYLOAD_SIZE, PAYLOAD_JSON, UNKNOWN_INPUT, EVENT_TYPE_UNSENT, DISPATCH_TYPES, TARGET_SEND,
    UNPINNED, DUPLICATE_UNREAD, RUN_NAME, FAIL_ON_ERROR,
)  # fmt: skip
