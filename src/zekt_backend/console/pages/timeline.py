"""All that happened to one delivery, as people read it: its history, and between its steps each call of GitHub's."""

from dataclasses import dataclass
from typing import Any, Literal

from zekt_backend.console import words

Tone = Literal["", "good", "bad"]

_FACTS: dict[str, tuple[str, Tone]] = {
    "created": ("Made", ""),
    "accepted": ("Dispatched", "good"),
    "postponed": ("To be tried again", ""),
    "refused": ("Failed", "bad"),
    "unheard": ("Not confirmed in time, to be dispatched again", "bad"),
    "given_up": ("Failed: never confirmed", "bad"),
    "confirmed": ("Confirmed: the consumer's run has started", "good"),
    "completed": ("Completed: the consumer's run has ended well", "good"),
    "run_failed": ("Failed: the consumer's run has not ended well", "bad"),
    "overdue": ("Failed: confirmed, but never completed", "bad"),
    "noted": ("Noted", ""),
}
_AWAITED = {
    "pending": "Next try",
    "dispatched": "The consumer's run should confirm",
    "confirmed": "The consumer's run should complete",
}


@dataclass(frozen=True, slots=True)
class Step:
    """`facts` are short: what GitHub answered, how long it took."""

    at: str
    title: str
    tone: Tone
    detail: str
    facts: tuple[str, ...] = ()


def steps(delivery: dict[str, Any]) -> list[Step]:
    """Oldest first."""
    attempts = delivery["attemptList"]
    told = {f"{each['category']}: {each['detail']}" for each in attempts if each["detail"]}
    found = [_called(each) for each in attempts] + [_changed(each, told) for each in delivery["history"]]
    # Of the same moment: the call, then what came of it.
    return sorted(found, key=lambda step: words.moment(step.at) or 0)


def awaited(delivery: dict[str, Any]) -> str:
    """What should happen at `dueAt`; empty when nothing is awaited."""
    return _AWAITED.get(delivery["status"], "") if delivery["dueAt"] else ""


def _changed(line: dict[str, Any], told: set[str]) -> Step:
    title, tone = _FACTS.get(line["fact"], (line["fact"], ""))
    # What stands at the attempt need not be read twice.
    known = line["fact"] == "accepted" or any(line["detail"].endswith(each) for each in told)
    return Step(line["at"], title, tone, "" if known else line["detail"])


def _called(attempt: dict[str, Any]) -> Step:
    name = f"Attempt {attempt['number']}"
    if attempt["finishedAt"] is None:
        return Step(attempt["startedAt"], f"{name}: GitHub has not answered yet", "", "")
    accepted = attempt["accepted"]
    status = attempt["httpStatus"]
    facts = [f"HTTP {status}" if status else "no answer"]
    facts.append(words.milliseconds(attempt["durationMs"]))
    if not accepted and attempt["category"]:
        facts.append(attempt["category"])
    if attempt["githubRequestId"]:
        facts.append(f"GitHub's request {attempt['githubRequestId']}")
    if attempt["ambiguous"]:
        facts.append("it may have arrived all the same")
    title = f"{name}: GitHub accepted it" if accepted else f"{name}: GitHub did not accept it"
    # Of what was accepted GitHub says no more than "No Content".
    said = "" if accepted else attempt["detail"] or ""
    return Step(attempt["startedAt"], title, "good" if accepted else "bad", said, tuple(facts))
