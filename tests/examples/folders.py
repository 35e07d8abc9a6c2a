"""The examples as their files say it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from zekt_backend.cli import setup_file
from zekt_backend.rules.setup import SetupFile

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@dataclass(frozen=True)
class Workflow:
    """One workflow file, and whose it is."""

    repository: str
    path: str
    text: str

    @property
    def content(self) -> dict[str, Any]:
        """Every scalar is a string, so that `on` is a key like any other."""
        return dict(yaml.load(self.text, Loader=yaml.BaseLoader))

    @property
    def steps(self) -> list[dict[str, Any]]:
        return [step for job in self.content["jobs"].values() for step in job.get("steps", [])]

    @property
    def inputs(self) -> set[str]:
        return set((self.content["on"].get("workflow_dispatch") or {}).get("inputs", {}))

    @property
    def listens_for(self) -> set[str]:
        return set((self.content["on"].get("repository_dispatch") or {}).get("types", []))

    @property
    def sends(self) -> set[str]:
        return {step["with"]["event-type"] for step in self.steps if "event-type" in step.get("with", {})}


@dataclass(frozen=True)
class Example:
    folder: Path

    @property
    def setup(self) -> SetupFile:
        return setup_file.read(self.folder / "setup.yaml")

    @property
    def repositories(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.glob("*/*") if path.is_dir()}

    @property
    def workflows(self) -> list[Workflow]:
        return [
            Workflow("/".join(parts[:2]), "/".join(parts[2:]), path.read_text("utf-8"))
            for path in sorted(self.folder.glob("*/*/.github/workflows/*.yml"))
            for parts in (path.relative_to(self.folder).parts,)
        ]


ALL = [Example(path) for path in sorted(EXAMPLES.iterdir()) if path.is_dir()]
