"""What `container:` and `services:` of a job may ask of this machine: nothing by which it would own it."""

import re
import shlex

from zekt_sandbox.local.errors import CannotStart
from zekt_sandbox.local.tree import Tree, text_of
from zekt_workflows.source import Scalar

_KEYS = frozenset({"image", "credentials", "env", "ports", "volumes", "options"})
"""https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idcontainer has no others."""

# `name:/path` and, without a name, `/path`: Docker makes both in a place of its own.
_VOLUME = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9_.-]*:)?/[^:]*(?::r[ow])?")

_HEALTH = ("--health-cmd", "--health-interval", "--health-retries", "--health-start-period", "--health-timeout")
_WITH_VALUE = frozenset({*_HEALTH, "--cpus", "--env", "--hostname", "--memory", "--shm-size", "--user"})
_ALONE = frozenset({"--init", "--no-healthcheck"})
_LONG = {"-e": "--env", "-m": "--memory", "-u": "--user"}


def confine(job: dict[str, Tree], label: str, where: str) -> None:
    """Label the job's containers, in place; those with options of their own do not get those of the command line.

    Args:
        job: as it stands in the workflow.
        label: what all of them get, `name=value`.
        where: the job, for the error.

    Raises:
        CannotStart: one asks for a folder of this machine, or has an option that may do as much.
    """
    services = job.get("services")
    if _nothing(services):
        services = {}
    if not isinstance(services, dict):
        raise _refused(where, "services", "is no mapping", "Write each service as NAME: {image: …}")
    own = {f"services.{name}": each for name, each in services.items()}
    if not _nothing(job.get("container")):
        if not isinstance(job["container"], dict):
            job["container"] = {"image": job["container"]}
        own["container"] = job["container"]
    for name, each in own.items():
        if not isinstance(each, dict):
            raise _refused(where, name, "is no mapping", "Write it as {image: …}")
        for key in each.keys() - _KEYS:
            raise _refused(where, f"{name}.{key}", "is none of GitHub's keys", f"It may have {_listed(_KEYS)}")
        _see_volumes(each.get("volumes"), where, f"{name}.volumes")
        options = _options(each.get("options"), where, f"{name}.options")
        each["options"] = shlex.join([*options, "--label", label])


def _see_volumes(volumes: Tree, where: str, name: str) -> None:
    for each in () if _nothing(volumes) else volumes if isinstance(volumes, list) else [volumes]:
        text = text_of(each)
        if "${{" in text or not _VOLUME.fullmatch(text):
            raise _refused(
                where,
                name,
                f"says {text or 'something that is no text'!r}, and a job that has a folder or a socket of this"
                " machine's owns the machine",
                "Name a volume of Docker's, as in `cache:/path`, without an expression; files of the repository are in"
                " the workspace already",
            )


def _options(options: Tree, where: str, name: str) -> list[str]:
    """The options, each as one word and spelt out, so that nobody can read them otherwise than they were read here."""
    if _nothing(options):
        return []
    if not isinstance(options, Scalar):
        raise _refused(where, name, "is no text", "Write it as Docker's command line has it")
    try:
        words = shlex.split(options.text)
    except ValueError:  # a quote that does not end
        words = [options.text]
    found: list[str] = []
    rest = iter(words)
    for word in rest:
        option, equals, value = word.partition("=")
        option = _LONG.get(option, option)
        if option in _WITH_VALUE:
            value = value if equals else next(rest, "")
            found.append(f"{option}={value}")
        else:
            found.append(word)
        # `--env NAME` would take the value from this machine.
        known = word in _ALONE or (option in _WITH_VALUE and value and (option != "--env" or "=" in value))
        if not known or "${{" in found[-1]:
            raise _refused(
                where,
                name,
                f"says {word!r}, and an option of Docker's can give this machine away",
                f"It may have {_listed(_ALONE | _WITH_VALUE)}, with values and without expressions",
            )
    return found


def _refused(where: str, name: str, what: str, remedy: str) -> CannotStart:
    return CannotStart(f"{where}: {name} {what}, so it does not run here. {remedy}.")


def _nothing(value: Tree) -> bool:
    return value is None or (isinstance(value, Scalar) and value.is_null)


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
