"""Does any workflow of the consumer's default branch listen for what a service sends? Pure."""

import json
import re
from collections.abc import Sequence

from zekt_backend.rules.answers import printable
from zekt_backend.rules.facts import (
    MOST_NAMED,
    File,
    Files,
    Finding,
    RepositoryState,
    Unknown,
    Verdict,
    listed,
    not_told,
    shown,
)

_CHECK = "consumer.workflow"
_PLAIN_WORD = re.compile(r"(?!(?i:true|false|null|yes|no|on|off|y|n)\Z)[A-Za-z][A-Za-z0-9_-]*")


def workflow(event_types: tuple[str, ...], files: Files, state: RepositoryState | Unknown | None) -> Finding:
    """Does the default branch have a workflow, not switched off, that these event types start?"""
    branch = shown(state.default_branch) if isinstance(state, RepositoryState) else "the default branch"
    if files.actions_enabled is False:
        what = "GitHub Actions is switched off for the consumer's repository."
        return Finding(_CHECK, Verdict.PROBLEM, what, "Settings > Actions > General > Actions permissions.")
    if isinstance(files.found, Unknown):
        return not_told(_CHECK, f"The workflow files of {branch} could not be read", files.found)
    heard = {kind: [f for f in files.found if f.listening.hears(kind)] for kind in event_types}
    running = {kind: [f for f in found if f.state in (None, "active")] for kind, found in heard.items()}
    if not any(running.values()):
        return _nobody_listens(event_types, files.found, heard, branch, files.left_out)
    first = next(found for found in running.values() if found)
    what = f"{', '.join(_named(f) for f in first[:MOST_NAMED])}."
    if deaf := [kind for kind in event_types if not running[kind]]:
        why = "Deliveries of these start nothing. That is well where the consumer wants some of the messages only."
        what = f"{what[:-1]}; nothing that runs listens for {listed(deaf)}."
        return Finding(_CHECK, Verdict.WARNING, what, why, listener(deaf, branch))
    if files.states is not None:
        return not_told(_CHECK, f"{what} Whether it is switched off could not be asked", files.states)
    return Finding(_CHECK, Verdict.OK, what)


def _nobody_listens(
    kinds: tuple[str, ...], files: tuple[File, ...], heard: dict[str, list[File]], branch: str, left: int
) -> Finding:
    """Why not: switched off, unreadable, nearly, another type, or nothing there at all."""
    wanted, paste = listed(kinds), listener(kinds, branch)
    if off := list(dict.fromkeys(f for found in heard.values() for f in found)):
        names = ", ".join(f"{shown(f.path)} ({shown(f.state or '')})" for f in off[:MOST_NAMED])
        why = "Somebody did that, or GitHub for want of activity: Actions > the workflow > Enable workflow."
        return Finding(_CHECK, Verdict.PROBLEM, f"What listens for {wanted} is switched off: {names}.", why)
    if left:
        what = f"None of the first {len(files)} workflow files listens for {wanted}; {left} more were not read."
        return Finding(_CHECK, Verdict.UNKNOWN, what)
    near = [f for f in files if any(f.listening.nearly_hears(kind) for kind in kinds)]
    if near:
        names = ", ".join(map(_named, near[:MOST_NAMED]))
        what = f"No workflow listens for {wanted} by that very name. Near to it: {names}."
        why = "GitHub documents equal values only, neither patterns nor upper for lower case."
        return Finding(_CHECK, Verdict.WARNING, what, why, paste)
    what = f"No workflow file on {branch} listens for {wanted}, so GitHub's 204 starts nothing."
    there = [_named(f) for f in files if f.listening.dispatch or f.listening.unreadable]
    why = "GitHub looks at the default branch alone: a file on another branch does not count."
    why += f" There are: {', '.join(there[:MOST_NAMED])}." if there else " No file there has `on: repository_dispatch`."
    return Finding(_CHECK, Verdict.PROBLEM, what, why, paste)


def _named(file: File) -> str:
    path, heard = shown(file.path), file.listening
    if heard.unreadable:
        return f"{path} (unreadable: {shown(heard.unreadable)})"
    return f"{path} listens for {'every event type' if heard.types is None else listed(heard.types) or 'no event type'}"


def listener(kinds: Sequence[str], branch: str) -> str:
    """What to put into a workflow file."""
    types = ", ".join(kind if _PLAIN_WORD.fullmatch(kind) else _quoted(kind) for kind in kinds)
    return f"# .github/workflows/zekt.yml, on {branch}\non:\n  repository_dispatch:\n    types: [{types}]"


def _quoted(text: str) -> str:
    """Between JSON's quotes, which YAML has too; but its pairs of escapes for one character YAML has not."""
    return json.dumps(printable(text), ensure_ascii=False)
