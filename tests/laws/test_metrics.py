"""What the figures count is all that there is to count."""

import re
from pathlib import Path

from zekt_backend import worker
from zekt_backend.store import jobs


def test_the_jobs_of_every_entrypoint_are_counted() -> None:
    """Of all that the queue's rows may be for."""
    installed = re.findall(r"engine\.entrypoint\(jobs\.(\w+)\)", Path(worker.__file__).read_text("utf-8"))
    assert {getattr(jobs, name) for name in installed} == set(jobs.ENTRYPOINTS)
