"""This project's own actions, for `uses: zekt-dev-org/zekt-action…@anything`: from the checkout that runs here."""

import re
import shutil
import threading
from pathlib import Path

from zekt_sandbox.local.errors import CannotStart

REPOSITORY = "zekt-dev-org/zekt-action"
_HERE = Path(__file__).resolve().parents[3]
_ACTION = re.compile(
    rf"(?P<repository>{re.escape(REPOSITORY)})(?:/[^@\s'\"#]*)?@(?P<ref>[^\s'\"#,}}\]]+)", re.IGNORECASE
)
_SAME = re.compile(r"(uses:\s*[\"']?)\$/([^\s\"'#]*)")
_OWN_REF = "this-checkout"


class Checkout:
    """A copy of what a runner would download of it, made when it is first needed and kept while the room lasts.

    Args:
        target: where the copy goes.
        source: the checkout; where this code was imported from, if that is one, when None.
    """

    def __init__(self, target: Path, source: Path | None = None) -> None:
        self._source = source or _HERE
        self._target = target
        self._lock = threading.Lock()

    @property
    def path(self) -> Path:
        """The copy.

        Raises:
            CannotStart: zekt is installed from a wheel, which has no actions.
        """
        with self._lock:
            if not self._target.exists():
                self._stage()
        return self._target

    def workflow(self, path: str) -> str | None:
        """The text of a reusable workflow of ours; None where there is none of that path."""
        found = self.path / path
        return found.read_text("utf-8") if ".." not in Path(path).parts and found.is_file() else None

    def overrides(self, text: str) -> list[str]:
        """Act's `--local-repository` for each spelling and ref by which a text names us; each `name@ref=folder`."""
        found = {f"{each['repository']}@{each['ref']}" for each in _ACTION.finditer(text)}
        if not found:
            return []
        return [f"{each}={self.path}" for each in sorted({*found, f"{REPOSITORY}@{_OWN_REF}"})]

    def _stage(self) -> None:
        source = self._source
        if not (source / "action.yml").is_file() or not (source / "src/zekt_action").is_dir():
            raise CannotStart(
                f"This workflow uses {REPOSITORY}, and the zekt that runs here was not installed from a checkout of it"
                f" ({source} is none), so there is no action to run. Install it from one:"
                f" git clone https://github.com/{REPOSITORY} && pip install -e 'zekt-action[backend,act]'."
            )
        making = self._target.with_name(self._target.name + ".part")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        for name in ("action.yml", "Dockerfile", ".dockerignore"):
            if (source / name).is_file():
                shutil.copy(source / name, making / name)
        skipped = shutil.ignore_patterns("__pycache__", "*.pyc")
        actions = [each.name for each in source.iterdir() if (each / "action.yml").is_file()]
        for folder in (*actions, "src/zekt_action", "requirements", "wheels", ".github/workflows"):
            if (source / folder).is_dir():
                shutil.copytree(source / folder, making / folder, ignore=skipped)
        for action in making.glob("*/action.yml"):
            action.write_text(without_same(action.read_text("utf-8"), _OWN_REF), "utf-8")
        making.rename(self._target)


def without_same(text: str, ref: str) -> str:
    """`uses: $/path` of ours, which act does not know, as `uses: zekt-dev-org/zekt-action/path@ref`."""
    return _SAME.sub(lambda found: found[1] + named(found[2], ref), text)


def named(path: str, ref: str) -> str:
    """How a stranger's workflow names that path of ours."""
    return "/".join(filter(None, (REPOSITORY, path.strip("/")))) + f"@{ref}"
