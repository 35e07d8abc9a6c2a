"""The examples as their files say it."""

from dataclasses import dataclass
from pathlib import Path

from zekt_backend.cli import setup_file
from zekt_backend.rules.setup import SetupFile
from zekt_workflows import model, reader

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@dataclass(frozen=True)
class File:
    """One workflow file, and whose it is."""

    repository: str
    path: str
    workflow: model.Workflow

    @property
    def scripts(self) -> list[str]:
        return [step.run.text for _, step in self.workflow.steps() if step.run]

    @property
    def inputs(self) -> set[str]:
        event = self.workflow.event("workflow_dispatch")
        return {each.name.text for each in event.inputs} if event else set()

    @property
    def listens_for(self) -> set[str]:
        event = self.workflow.event("repository_dispatch")
        return {each.text for each in (event and event.types) or ()}

    @property
    def sends(self) -> set[str]:
        found = [step.argument("event-type") for _, step in self.workflow.steps()]
        return {each.text for each in found if each}


@dataclass(frozen=True)
class Example:
    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def readme(self) -> str:
        return (self.folder / "README.md").read_text("utf-8")

    @property
    def setup(self) -> SetupFile:
        return setup_file.read(self.folder / "setup.yaml")

    @property
    def repositories(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.glob("*/*") if path.is_dir()}

    @property
    def workflows(self) -> list[File]:
        return [
            File("/".join(parts[:2]), "/".join(parts[2:]), reader.read_file(path))
            for path in sorted(self.folder.glob("*/*/.github/workflows/*.yml"))
            for parts in (path.relative_to(self.folder).parts,)
        ]


ALL = [Example(path) for path in sorted(EXAMPLES.iterdir()) if path.is_dir()]
