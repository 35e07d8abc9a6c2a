"""Will a connection run, and did it? Facts in, findings out; nothing of GitHub's words leaves unescaped. Pure."""

from zekt_backend.rules.facts import (
    Connection,
    Facts,
    Finding,
    Hook,
    Installation,
    Member,
    Side,
    Unknown,
    Verdict,
    not_told,
    shown,
)
from zekt_backend.rules.listeners import workflow
from zekt_backend.rules.started import started

_LEVELS = {"read": 1, "write": 2, "admin": 3}


def diagnose(facts: Facts) -> list[Finding]:
    """Every check of one connection, in the order in which an event passes them."""
    connection = facts.connection
    findings = [
        approval(connection),
        app("provider", connection.provider, facts.provider, {"metadata": "read", "actions": "read"}),
        webhook("provider", connection.provider, facts.provider, facts.hook_url),
        app("consumer", connection.consumer, facts.consumer, _consumer_needs(connection)),
        repository(connection.consumer, facts.consumer),
        workflow(facts.event_types, facts.files, facts.consumer.repository),
    ]
    if connection.completion_tracking:
        findings.append(webhook("consumer", connection.consumer, facts.consumer, facts.hook_url))
    findings.append(started(facts))
    return findings


def worst(findings: list[Finding]) -> Verdict:
    return max((finding.verdict for finding in findings), key=list(Verdict).index, default=Verdict.OK)


def _consumer_needs(connection: Connection) -> dict[str, str]:
    needs = {"metadata": "read", "contents": "write"}
    # Asked only how a run ended that confirmed, which only a durable delivery's does.
    return {**needs, "actions": "read"} if connection.durable else needs


def approval(connection: Connection) -> Finding:
    """What our own database says."""
    off = [side.full_name for side in (connection.provider, connection.consumer) if not side.enabled]
    if off:
        what = f"{' and '.join(off)} is switched off, so nothing is delivered."
        return Finding(
            "approval", Verdict.PROBLEM, what, paste="enabled: true   # under the repository, in the setup file"
        )
    if not (connection.as_provider and connection.as_consumer):
        side, role = (connection.consumer, "consumer") if connection.as_provider else (connection.provider, "provider")
        what = f"{side.full_name} is not enabled as a {role}, so nothing is delivered."
        return Finding("approval", Verdict.PROBLEM, what, paste=f"zekt repositories enable {side.full_name} --{role}")
    if not connection.whitelisted:
        what = f"{shown(connection.workflow_path)} of {connection.provider.full_name} is not whitelisted."
        return Finding(
            "approval", Verdict.PROBLEM, what, paste="whitelisted: true   # under the workflow, in the setup file"
        )
    if connection.status != "approved":
        what = f"The subscription is {connection.status}: nothing is delivered before it is approved."
        return Finding("approval", Verdict.WARNING, what, paste="status: approved   # under the subscription")
    kind = "durable" if connection.durable else "fire-and-forget"
    return Finding("approval", Verdict.OK, f"The subscription is approved, {kind}.")


def app(end: str, member: Member, side: Side, needs: dict[str, str]) -> Finding:
    """Is the app installed, awake, on this repository, and allowed what it needs?"""
    check, name = f"{end}.app", member.full_name
    found = side.installation
    if isinstance(found, Unknown):
        return not_told(check, f"Whether the app is installed on {name} could not be asked", found)
    if found is None:
        return _not_installed(check, name, side.known_installation)
    if found.suspended:
        return _suspended(check, name)
    if lacking := [f"{what}: {level}" for what, level in needs.items() if not _covers(found, what, level)]:
        return Finding(
            check,
            Verdict.PROBLEM,
            f"The app lacks {', '.join(lacking)} on {name}.",
            "The app was made with fewer permissions, or an owner has not accepted those that were added later: on"
            " GitHub, Settings > GitHub Apps > Configure > 'Review request'.",
        )
    if found.id != member.installation_id:
        return Finding(
            check,
            Verdict.PROBLEM if end == "consumer" else Verdict.WARNING,
            f"GitHub's installation on {name} is {found.id}, and the broker knows {member.installation_id or 'none'}.",
            "Usually the app was installed anew. Without `installation-id` in the setup file it is looked up.",
            "zekt setup apply setup.yaml",
        )
    held = ", ".join(f"{what}: {found.permissions[what]}" for what in needs)
    installed = Finding(check, Verdict.OK, f"The app is installed on {name}, with {shown(held)}.")
    return _untold(check, member) or installed


def _untold(check: str, member: Member) -> Finding | None:
    """What the broker goes by although GitHub, when asked now, says otherwise."""
    if member.barrier is None or member.barrier.kind == "not_installed":
        return None
    what = f"GitHub lets the app in, but has told the broker otherwise: {member.full_name} {member.barrier.what}."
    why = "The webhook that it has changed was lost. A round of reconciling reads it, at most an hour after the last."
    return Finding(check, Verdict.PROBLEM, what, why, "zekt reconcile")


def _not_installed(check: str, name: str, known: Installation | Unknown | None) -> Finding:
    if isinstance(known, Installation) and known.suspended:
        return _suspended(check, name)
    if isinstance(known, Installation):
        what = f"The app is installed at the owner of {name}, but not on this repository."
        why = "An owner chose 'Only select repositories': Settings > GitHub Apps > Configure > Repository access."
        return Finding(check, Verdict.PROBLEM, what, why)
    what = f"The app is not installed on {name}, or there is no such repository."
    why = "An owner installs it (the app's page > Install App); then apply the setup file again."
    return Finding(check, Verdict.PROBLEM, what, why)


def _suspended(check: str, name: str) -> Finding:
    what = f"The app's installation on {name} is suspended, so GitHub refuses all it asks."
    why = "An owner suspended it, or GitHub did: Settings > GitHub Apps > Configure > Unsuspend."
    return Finding(check, Verdict.PROBLEM, what, why)


def _covers(installation: Installation, name: str, level: str) -> bool:
    return _LEVELS.get(installation.permissions.get(name, ""), 0) >= _LEVELS[level]


def repository(member: Member, side: Side) -> Finding:
    """Can anything start there?"""
    check, name, found = "consumer.repository", member.full_name, side.repository
    if isinstance(found, Unknown):
        return not_told(check, f"{name} could not be looked at", found)
    if found is None:
        return Finding(
            check, Verdict.PROBLEM, f"GitHub shows the app no repository {name}.", "It was renamed or deleted."
        )
    if found.id != member.id:
        what = f"{name} is another repository now: GitHub's id is {found.id}, the broker knows {member.id}."
        why = "The name was given to a new repository. If that one is meant, remove `id` and apply the setup again."
        return Finding(check, Verdict.PROBLEM, what, why)
    if found.archived or found.disabled:
        what = f"{name} is {'archived' if found.archived else 'disabled by GitHub'}: nothing can be dispatched to it."
        return Finding(check, Verdict.PROBLEM, what, "Settings > General > Unarchive, or ask GitHub's support.")
    return Finding(check, Verdict.OK, f"{name} is open; its default branch is {shown(found.default_branch)}.")


def webhook(end: str, member: Member, side: Side, ours: str | None) -> Finding:
    """Does GitHub tell us of this repository's runs, and did it lately?"""
    check = f"{end}.webhook"
    if ours is None:
        what = "It is not known where GitHub's webhooks should arrive: set ZEKT_PUBLIC_URL here too."
        return Finding(check, Verdict.UNKNOWN, what)
    pointing = [hook for hook in side.hooks if hook.ours]
    alive = [hook for hook in pointing if is_alive(hook)]
    if alive:
        return _alive(check, alive[0], ours)
    if pointing:
        hook = pointing[0]
        return Finding(check, Verdict.PROBLEM, f"{_capital(hook.name)} {_fault(hook)}.", _WHY_HOOK)
    if side.untold:
        return not_told(
            check, f"No webhook was found that tells of {member.full_name}; not all could be asked for", side.untold[0]
        )
    elsewhere = [f"the app's points to {shown(hook.url)}" for hook in side.hooks if hook.name == APP_HOOK]
    what = f"No webhook tells the broker of runs in {member.full_name}" + (f": {elsewhere[0]}." if elsewhere else ".")
    return Finding(check, Verdict.PROBLEM, what, _WHY_HOOK, f"Webhook URL: {ours}\nContent type: application/json")


APP_HOOK = "the app's webhook"
_WHY_HOOK = (
    "Without it the broker does not hear that a run has ended. The app's page (Settings > Developer settings > GitHub"
    " Apps) has its Webhook, and under Advanced its Recent Deliveries; events: 'Workflow run'."
)


def _alive(check: str, hook: Hook, ours: str) -> Finding:
    if isinstance(hook.newest, Unknown):
        return not_told(
            check, f"{_capital(hook.name)} points here; how its newest delivery went could not be asked", hook.newest
        )
    last = f"its newest delivery arrived at {shown(hook.newest.at)}" if hook.newest else "it has sent nothing lately"
    return Finding(check, Verdict.OK, f"{_capital(hook.name)} points to {shown(ours)}; {last}.")


def _fault(hook: Hook) -> str:
    """What keeps a hook that points here from being of use; empty when nothing does."""
    if not hook.active:
        return "is switched off"
    if "workflow_run" not in hook.events and "*" not in hook.events:
        return "does not hear of workflow runs (event 'Workflow run')"
    if hook.content_type != "json":
        return f"sends {shown(hook.content_type)}, and must send application/json"
    newest = hook.newest
    if newest is None or isinstance(newest, Unknown) or newest.ok:
        return ""
    return f"does not get through: its newest delivery, at {shown(newest.at)}, ended as {shown(newest.status)!r}"


def is_alive(hook: Hook) -> bool:
    """Whether nothing that is known speaks against it."""
    return not _fault(hook)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
