"""docs/tutorial.md, word for word: send, see both logs, break the consumer, see it dispatched again, find out why."""

import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from laptop.conftest import ZEKT, Up, starting

pytestmark = [pytest.mark.act, pytest.mark.docker, pytest.mark.long]

RUN_SECONDS = 600
"""An image may have to be built first, on a machine that has other things to do."""


@pytest.fixture
def steps(root: Path) -> list[str]:
    """The commands of the page, a script for each block, in their order."""
    text = (root / "docs/tutorial.md").read_text("utf-8")
    return re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@pytest.fixture
def up(root: Path, steps: list[str], runner_image: str, surroundings: dict[str, str]) -> Iterator[Up]:
    """After the first block: what `make` would install is here already, and the image is one that can be had."""
    install, copy, start = steps.pop(0).splitlines()
    assert (install, start) == ("make .venv/.ready && . .venv/bin/activate", "zekt sandbox up ~/zekt-try")
    with tempfile.TemporaryDirectory(prefix="zl-") as home:
        subprocess.run(["sh", "-euc", copy], cwd=root, env={**surroundings, "HOME": home}, check=True, timeout=60)
        with starting(Path(home) / "zekt-try", surroundings, "--image", f"ubuntu-latest={runner_image}") as running:
            running.wait_for("Ctrl-C ends and forgets everything.", seconds=RUN_SECONDS)
            yield running


@pytest.fixture
def typed(root: Path, up: Up) -> Callable[[str], str]:
    """Types a block into the second terminal, and gives what it prints. Its ports are this test's."""
    before = f'zekt() {{ {" ".join(ZEKT)} "$@"; }}\n'

    def into_the_shell(block: str) -> str:
        script = block.replace(". .venv/bin/activate\n", "").replace("zekt sandbox ", f"zekt sandbox --port {up.port} ")
        settings = f'eval "$(zekt sandbox --port {up.port} env)"\n'
        done = subprocess.run(
            ["sh", "-uc", before + settings + script],
            cwd=root,
            env={**up.environment, "HOME": str(up.folder.parent)},
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        return done.stdout + done.stderr

    return into_the_shell


def test_the_tutorial_does_what_it_says(up: Up, steps: list[str], typed: Callable[[str], str]) -> None:
    send, look, hurry, breaking, find_out, mend = steps
    order, build, ready = "order-new-infrastructure.yml #", "build-infrastructure.yml #", "infrastructure-ready.yml #"
    seconds = RUN_SECONDS

    typed(send)
    at = up.wait_for(order, "Sent infrastructure-order: ", "consumers: 1.", seconds=seconds)
    at = up.wait_for("Zekt | dispatched: ", "to infra-team/platform, attempt 1", after=at, seconds=seconds)
    at = up.wait_for(build, '"resourceId": "web-northeurope-16123456789"', after=at, seconds=seconds)
    at = up.wait_for(ready, "Order 16123456789 is web-northeurope-16123456789.", after=at, seconds=seconds)
    up.wait_for(ready, "The run has ended: success.", after=at, seconds=seconds)
    assert typed(look).count("completed") == 2

    assert re.search(r"confirm-timeout: .* → .*20", typed(hurry))
    typed(breaking)
    at = up.wait_for("No workflow of infra-team/platform listens for `infrastructure-order`.", seconds=seconds)
    again = up.wait_for("Zekt | dispatched AGAIN", "of run 16123456792", "attempt 2", after=at, seconds=seconds)

    found = typed(find_out)
    assert "no run has confirmed it by now" in found
    assert "problem  consumer.workflow    No workflow file on main listens for infrastructure-order" in found
    assert "build-infrastructure.yml listens for infrastructure-orderz." in found

    typed(mend)
    at = up.wait_for(build, "started by repository_dispatch infrastructure-order", after=again, seconds=seconds)
    up.wait_for("Zekt | completed: ", "of run 16123456792", after=at, seconds=seconds)
    assert up.stop() == 0
