"""Every error a step can end with: what happened, why it usually does, what to do (docs/errors.md).

Standard library only, Python 3.9: the composites use it too.
"""

from __future__ import annotations

import re

_CODE = r"[a-z][a-z0-9_]{0,63}"

PERMISSIONS = "permissions:\n  id-token: write\n  contents: read"
"""What a job needs so that it may ask GitHub for a token; to be pasted."""


class Kind:
    """What is the same each time a code is shown: a title, and why it usually happens with what to do."""

    def __init__(self, title: str, advice: str) -> None:
        self.title, self.advice = title, advice


_STRICT = "Check the message with `python3 -m json.tool` or `jq .` in the step that makes it."

CODES = {
    # The inputs.
    "input_invalid": Kind("An input does not fit", "Correct the input named above; README has the table of them."),
    "input_renamed": Kind(
        "An input has another name now",
        "This action needs no run id and no token; docs/migrating.md has the whole step:\n"
        'with:\n  event-type: order-placed\n  payload: \'{"size": "large"}\'',
    ),
    "orchestrate_unsupported": Kind(
        "`orchestrate` does not exist here",
        "Sending the plan as a message would look as if it had been begun, so nothing was sent. docs/migrating.md says "
        "what takes its place. Remove `orchestrate`, or set it to false.",
    ),
    "event_type_invalid": Kind(
        "The event type does not fit",
        "Give `event-type` 1 to 100 characters, for example `event-type: order-placed`.",
    ),
    "api_url_missing": Kind(
        "Nobody said where the broker is",
        "A message goes to no host that nobody named. Set the input `zekt-api-url`, or once a workflow:\n"
        "env:\n  ZEKT_API_URL: https://zekt.example.com",
    ),
    "api_url_invalid": Kind(
        "The broker's address does not fit",
        "Write it as `https://host`, with a port or path where needed. Plain http is for the same machine "
        "only (localhost, 127.0.0.1, host.docker.internal): the token must not cross a network in the open.",
    ),
    "shield_unsupported": Kind(
        "`shield` does not exist yet",
        "Sending now would be plaintext where encryption was asked for, so nothing was sent. "
        "Remove `shield`, or set it to false.",
    ),
    # Where the message comes from.
    "payload_missing": Kind(
        "There is no message",
        "Most often the expression in it came out empty. Check the step it reads from; "
        "to send no content on purpose, leave the input out or write `payload: '{}'`.",
    ),
    "payload_two_sources": Kind(
        "There are two messages", "Give either `payload` or `payload-file`; one step sends one message."
    ),
    "payload_input_too_large": Kind(
        "The message is too large for an input",
        "Linux carries at most 131,057 bytes in the `payload` input (a larger one often dies as `Argument "
        "list too long` before this code starts). Write the message to a file, up to 524,288 bytes, and give its "
        "path:\n"
        "with:\n  payload-file: message.json",
    ),
    "file_missing": Kind(
        "The file is not there",
        "Give a path relative to the workspace, or under RUNNER_TEMP. The step that writes it must run "
        "before, in the same job, and files of the repository need actions/checkout first.",
    ),
    "file_is_directory": Kind("The path is a directory", "Give the path of one file."),
    "file_unreadable": Kind("The file cannot be read", "It must be a regular file that this step may read."),
    "file_outside": Kind(
        "The file is outside the workspace",
        "Only files in the workspace or under RUNNER_TEMP are read, links followed. Copy it there first.",
    ),
    "file_too_large": Kind("The file is too large", "Make it smaller; the limit stands above."),
    # What the message must be.
    "payload_too_large": Kind(
        "The message is too large",
        "A message has at most 524,288 bytes. Send a link to the data, or several messages.",
    ),
    "payload_not_utf8": Kind("The message is not UTF-8", "Write the file as UTF-8, without a byte order mark."),
    "payload_not_json": Kind("The message is not JSON", _STRICT),
    "payload_not_finite": Kind("The message has NaN or Infinity", "JSON has neither: send null or a string instead."),
    "payload_duplicate_key": Kind("The message repeats a key", "Readers disagree on which one counts: keep one."),
    "payload_too_deep": Kind("The message is nested too deeply", "At most 100 levels of arrays and objects."),
    "payload_lone_surrogate": Kind(
        "The message has half a character",
        "The program that wrote it cut a string inside a \\uD83D\\uDE00 pair.",
    ),
    "schema_invalid": Kind("The schema cannot be used", "`payload-schema` must be a JSON Schema (Draft 2020-12)."),
    "schema_violation": Kind(
        "The message does not fit its schema", "Nothing was sent. Correct the message, or `payload-schema`."
    ),
    "schema_unsupported": Kind(
        "A schema needs the Docker action",
        "The composite has Python's standard library only, which knows no JSON Schema. On Linux use\n"
        "uses: zekt-dev-org/zekt-action@v0\n"
        "elsewhere check the message in a step of your own, or leave it to the service's schema at the broker.",
    ),
    # The token.
    "oidc_unavailable": Kind(
        "The job may not ask GitHub for a token",
        "Add this to the workflow or the job (and to the caller, for a reusable workflow):\n" + PERMISSIONS,
    ),
    "oidc_fork": Kind(
        "A fork's pull request gets no token",
        "GitHub gives none to a `pull_request` run from a fork, whatever `permissions:` says. Skip it:\n"
        "if: github.event.pull_request.head.repo.full_name == github.repository",
    ),
    "oidc_refused": Kind("GitHub did not give a token", "Check `audience`, and that the job is still running."),
    "oidc_unreachable": Kind("GitHub's token service does not answer", "See githubstatus.com, then run the job again."),
    # The broker.
    "backend_unreachable": Kind(
        "The broker cannot be reached",
        "Check `zekt-api-url`, and that this runner may reach it. Running the job again is safe.",
    ),
    "backend_unavailable": Kind(
        "The broker is not available", "It answered, but could not serve. Run the job again in a while."
    ),
    "backend_refused": Kind("The broker refused", "Its reason stands above."),
    "redirected": Kind(
        "The broker's address redirects",
        "The token is never sent on. Put the final address into `zekt-api-url`.",
    ),
    "answer_unreadable": Kind(
        "The answer is not a broker's", "Something else answers at `zekt-api-url`: check host, port and path."
    ),
    "deadline": Kind("Time is up", "Raise `timeout-seconds` if the broker is slow by nature; else see its status."),
    "cancelled": Kind("The run was cancelled", "The message may or may not have arrived; sending it again is safe."),
    # confirm and complete.
    "not_from_zekt": Kind("Not started by Zekt", "Nothing to do: this run has no `client_payload.zekt`."),
    "id_invalid": Kind(
        "An id does not fit",
        "Leave `correlation-id` and `delivery-id` out: they come from the event by themselves.",
    ),
    "payload_mismatch": Kind(
        "The message is not what was announced", "Its size or sha256 differs, so it is not given to the job."
    ),
    "status_invalid": Kind("`status` does not fit", "Write `status: ${{ job.status }}`."),
    "result_invalid": Kind("The result does not fit", "Give at most 65,536 bytes of JSON, by one input only."),
    "internal": Kind("Something broke in this step", "Please report it, with the place named above."),
}

ADVICE = {
    "token_audience": "`audience` here and ZEKT_OIDC_AUDIENCE at the broker must be the same (api://zekt).",
    "token_issuer": "The broker must list this GitHub's issuer in ZEKT_OIDC_ISSUER (Enterprise has its own).",
    "token_expired": "Tokens live five minutes: the clock of the broker, or of this runner, is off.",
    "token_replayed": "Fetch a fresh token for each call, as the actions do; one token serves one request.",
    "not_yours": "Is this repository registered and enabled at the broker, and its workflow whitelisted?",
    "claims_mismatch": "The GITHUB_* variables of this job were changed, and disagree with the signed token.",
    "pull_request_target_refused": "Send from a workflow on push, schedule, dispatch or workflow_run.",
    "schema_violated": "Correct the message; `payload-schema` finds the same before anything is sent.",
    "credentials_found": "Send the name of a secret, never the secret; renew it, for it stood in a message. If it is "
    "none, whoever manages the service can set its guard to `pass`.",
    "check_failed": "Most often a `pattern` of the service's schema tries too many ways: it must become simpler.",
    "payload_expired": "The archive keeps a message for a limited time; ask the provider to send it again.",
}
"""What to do about a code that the broker answered, where more than its own words helps."""


class ActionError(Exception):
    """A step cannot do its work: a stable code, and what happened in one sentence.

    Args:
        code: a key of `CODES`, or one of the broker's own codes.
        detail: fit to show; never a token, never the payload.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.kind = CODES.get(code, CODES["backend_refused"])

    @property
    def advice(self) -> str:
        return ADVICE.get(self.code, self.kind.advice)


class UnheardError(ActionError):
    """Nobody answered, or not now, until tries or time ran out: nothing was said for or against this job."""


def broker_code(value: object) -> str:
    """The broker's own code where it is one, else `backend_refused`: an answer is not trusted blindly."""
    return value if isinstance(value, str) and re.fullmatch(_CODE, value) else "backend_refused"
