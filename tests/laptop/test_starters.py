"""What `zekt init` writes for both sides runs as it stands: sent, dispatched, confirmed, completed."""

import subprocess
import tempfile
from pathlib import Path

import pytest

from laptop.conftest import SECONDS, ZEKT, said_by, starting

pytestmark = [pytest.mark.act, pytest.mark.docker, pytest.mark.long]

RUN_SECONDS = 600
"""An image may have to be built first, on a machine that has other things to do."""

EVENT_TYPE = "it's: ours"
SETUP = f"""\
accounts:
  - login: shop-team
    repositories:
      - name: orders
        workflows:
          - path: .github/workflows/zekt-provider.yml
            service: {{slug: ours, event-type: "{EVENT_TYPE}"}}
  - login: infra-team
    repositories:
      - {{name: platform, completion-tracking: true}}
subscriptions:
  - {{service: ours, consumer: infra-team/platform, status: approved, durable: true}}
"""


def test_what_init_writes_for_both_sides_goes_all_the_way(runner_image: str, surroundings: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory(prefix="zl-") as name:
        folder = Path(name) / "both"
        provider, consumer = (
            folder / each / ".github/workflows" for each in ("shop-team/orders", "infra-team/platform")
        )
        for side, file in (
            (("provider",), provider / "zekt-provider.yml"),
            (("consumer", "--durable"), consumer / "zekt-consumer.yml"),
        ):
            assert said_by("init", *side, "--event-type", EVENT_TYPE, "--output", str(file)).code == 0
        (folder / "setup.yaml").write_text(SETUP, encoding="utf-8")
        assert said_by("lint", str(folder), "--setup", str(folder / "setup.yaml")).code == 0
        with starting(folder, surroundings, "--image", f"ubuntu-latest={runner_image}") as up:
            up.wait_for("Ctrl-C ends and forgets everything.", seconds=RUN_SECONDS)
            run = [*ZEKT, "sandbox", "--port", up.port, "run", "shop-team/orders", "zekt-provider.yml"]
            subprocess.run(run, env=up.environment, check=True, timeout=SECONDS)
            at = up.wait_for(f"Sent {EVENT_TYPE}: ", "consumers: 1.", seconds=RUN_SECONDS)
            at = up.wait_for("zekt-consumer.yml", "Confirmed delivery-", after=at, seconds=RUN_SECONDS)
            at = up.wait_for("zekt-consumer.yml", '"object"', after=at, seconds=RUN_SECONDS)
            up.wait_for("zekt-consumer.yml", "The run has ended: success.", after=at, seconds=RUN_SECONDS)
            assert any("Zekt | completed: " in line for line in up.told)
            assert up.stop() == 0
