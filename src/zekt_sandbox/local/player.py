"""Plays one attempt: the webhooks, its turn, act, and what GitHub would conclude."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from zekt_sandbox.local import act, containers
from zekt_sandbox.local.attempt import Attempt
from zekt_sandbox.local.checkout import Checkout
from zekt_sandbox.local.errors import CannotStart, LocalError
from zekt_sandbox.local.journal import Journal
from zekt_sandbox.local.lines import clean, rendered, skipped_for_want_of_an_image
from zekt_sandbox.local.rewriting import ADDRESS, Rewriting, Surroundings
from zekt_sandbox.local.tools import Tools
from zekt_sandbox.local.turns import Turns
from zekt_sandbox.repositories import Repository
from zekt_sandbox.stage import Stage

_OF_CANCELLING = ("context canceled", "Error occurred running finally", "Error while stop job container")
"""How act complains of its own end. What it could not remove then, we do."""

_NOT_FOR_ACT = frozenset({"GITHUB_JOB", "GITHUB_ACTION", "GITHUB_WORKFLOW"})


@dataclass(frozen=True, slots=True)
class Yard:
    """What all runs share."""

    stage: Stage
    tools: Tools
    checkout: Checkout
    images: Mapping[str, str]
    """A container image for each label of `runs-on`."""
    api_url: str | None
    journal: Journal
    turns: Turns
    cache: Path
    """Where act keeps others' actions."""
    label: str
    """Of every container that this room makes, and of none of another's; its value is the run's number."""

    def suffix_of(self, attempt: Attempt) -> str:
        """Put behind the names of jobs: other sandboxes may have runs of the same numbers."""
        return f"{self.label.rpartition('.')[2]}-{attempt.number}"

    def remark(self, repository: Repository, line: str) -> None:
        """Something for the log that belongs to no run."""
        self.journal.add({"type": "remark", "repository": repository.full_name, "line": clean(line)})


class Player:
    """One attempt's life, in a thread of its own."""

    def __init__(self, yard: Yard, attempt: Attempt) -> None:
        self._yard = yard
        self._attempt = attempt
        self._tokens: list[str] = []

    def play(self) -> None:
        """Block until it has ended, whatever happens."""
        attempt, yard = self._attempt, self._yard
        conclusion = "failure"
        try:
            if attempt.run.attempt == 1:
                self._tell("requested")
            if yard.turns.wait(attempt.ticket):
                attempt.run.status, attempt.run.started_at = "in_progress", yard.stage.world.clock.now()
                self._enter("started", event=attempt.run.event, eventType=attempt.event_type)
                self._tell("in_progress")
                conclusion = self._conclusion()
            else:
                conclusion = "cancelled"
        except CannotStart as error:
            self._say(f"\x1b[31mThis run was not started.\x1b[0m {error}")
            conclusion = "startup_failure"
        except (LocalError, OSError, subprocess.SubprocessError) as error:
            self._say(f"\x1b[31mThe sandbox cannot run this.\x1b[0m {error}")
        finally:
            self._end(conclusion)

    def _conclusion(self) -> str:
        attempt, yard = self._attempt, self._yard
        path = attempt.stage.repository / attempt.run.workflow
        if why := act.complaint(yard.tools, path):
            raise CannotStart(why.replace(f"{path.parent}/", ""))
        arguments = self._prepared()
        with attempt.process_lock:
            if attempt.ticket.cancelled.is_set():
                return "cancelled"
            attempt.process = process = act.Process(arguments, yard.tools, attempt.stage.path)
        suffix, ran, wanting = yard.suffix_of(attempt), False, set()
        for raw in process.lines():
            ran = ran or '"jobResult":"' in raw
            if label := skipped_for_want_of_an_image(raw):
                wanting.add(label)
                continue
            if attempt.ticket.cancelled.is_set() and any(each in raw for each in _OF_CANCELLING):
                continue
            for line in rendered(raw, suffix, attempt.run.name):
                self._say(line)
        status = process.wait()
        for label in sorted(wanting):
            self._say(f"\x1b[31mThere is no image for runs-on: {label}\x1b[0m. Name one: --image {label}=IMAGE.")
        if attempt.ticket.cancelled.is_set():
            return "cancelled"
        if status != 0 or wanting:
            return "failure"
        return "success" if ran else "skipped"

    def _prepared(self) -> list[str]:
        """Write what act reads, and give its command."""
        attempt, yard, stage = self._attempt, self._yard, self._attempt.stage
        label = f"{yard.label}={attempt.number}"
        checkout = yard.checkout
        around = Surroundings(yard.suffix_of(attempt), label, yard.api_url, self._grant, stage.text, checkout)
        rewriting = Rewriting(around)
        rewriting.workflow(attempt.workflow)
        paths = [stage.write(name, text) for name, text in rewriting.files.items()]
        for note in dict.fromkeys((*rewriting.notes, *(f"{each} leads out of the folder" for each in stage.left_out))):
            self._say(f"\x1b[2m{note}\x1b[0m")
        texts = "\n".join((*rewriting.files.values(), stage.action_files()))
        named = {ADDRESS: yard.api_url} if yard.api_url else {}
        files = act.Files(
            repository=stage.repository,
            workflow=paths[0],
            event=stage.write_json("event.json", attempt.run.event_file()),
            environment=stage.write_json("environment.yml", {**self._environment(), **named}),
            variables=stage.write_json("variables.yml", named),
            # An empty one of its own: without it act asks `gh` for this machine's user's.
            secrets=stage.write_json("secrets.yml", {"GITHUB_TOKEN": ""}),
            inputs=stage.write_json("inputs.yml", {}),
        )
        self._announce_images(texts)
        return act.command(
            yard.tools,
            files,
            attempt.run.event,
            actor=attempt.run.actor,
            images=dict(yard.images),
            labels=(label, containers.OWNER),
            overrides=checkout.overrides(texts),
            cache=yard.cache,
            artifacts=stage.path / "artifacts",
        )

    def _environment(self) -> dict[str, str]:
        """What a runner sets beside what act does."""
        run = self._attempt.run
        github = {name: value for name, value in run.variables().items() if name not in _NOT_FOR_ACT}
        return {**github, "SHA_REF": run.sha}  # act's own name for the commit

    def _grant(self, job: str, reference: str) -> dict[str, str]:
        run = self._attempt.run
        identity = run.identity(job=job)
        if reference:
            ours = "@" in reference
            identity["job_workflow_ref"] = reference if ours else f"{run.repository.full_name}/{reference}@{run.ref}"
        token = run.issuer.grant(identity)
        self._tokens.append(token)
        return run.token_request(token)

    def _announce_images(self, texts: str) -> None:
        for label, image in self._yard.images.items():
            if label in texts and not self._yard.tools.docker_output("image", "ls", "--quiet", image).strip():
                self._say(f"Docker has no image {image} yet and fetches it now: minutes, the first time.")

    def _say(self, line: str) -> None:
        """A line of the log, without the tokens that the run was given."""
        for each in line.splitlines():
            shown = clean(each)
            for token in self._tokens:
                shown = shown.replace(token, "***")
            if self._attempt.log.add(shown):
                self._enter("line", line=shown)

    def _enter(self, kind: str, **said: object) -> None:
        self._yard.journal.add({"type": kind, **self._attempt.about(), **said})

    def _tell(self, action: str) -> None:
        if not self._yard.stage.world.closing.is_set():
            self._yard.stage.send_workflow_run(self._attempt.run, action)

    def _end(self, conclusion: str) -> None:
        attempt, yard = self._attempt, self._yard
        for token in self._tokens:
            attempt.run.issuer.revoke(token)
        containers.remove(yard.tools, f"{yard.label}={attempt.number}")
        attempt.stage.remove()
        yard.stage.world.runs.finish(attempt.run, conclusion)
        colour = "32" if conclusion == "success" else "31"
        self._say(f"\x1b[{colour}mThe run has ended: {conclusion}.\x1b[0m")
        attempt.log.end()
        yard.turns.leave(attempt.ticket)
        self._enter("ended", conclusion=conclusion)
        self._tell("completed")
