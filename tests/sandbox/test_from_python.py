"""The Python that docs/sandbox.md shows, run as it stands there; what dispatches is a broker's stand-in."""

import threading
from pathlib import Path
from typing import Any

import pytest
import requests

from zekt_testing.pages import Page


def _shown(root: Path) -> str:
    page = Path("docs/sandbox.md")
    (block,) = (each for each in Page(page, (root / page).read_text("utf-8")).blocks() if each.language == "python")
    return block.text


def test_a_run_is_played_as_the_page_has_it(
    root: Path, listener: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # it writes event.json
    text = _shown(root).replace("http://127.0.0.1:8750/api/github/webhooks", listener.url)
    assert listener.url in text
    names: dict[str, Any] = {}

    def dispatch() -> None:
        (heard,) = listener.wait(1)
        github = names["github"]
        token, _ = github.world.credentials.issue(github.world.repositories.get("infra-team/platform").installation_id)
        with requests.Session() as session:
            session.trust_env = False
            answer = session.post(
                f"{github.url}/repos/infra-team/platform/dispatches",
                headers={"Authorization": f"Bearer {token}"},
                json={"event_type": "order", "client_payload": {"run": heard.payload["workflow_run"]["id"]}},
                timeout=10,
            )
        assert answer.status_code == 204

    broker = threading.Thread(target=dispatch)
    broker.start()
    try:
        exec(compile(text, "docs/sandbox.md", "exec"), names)  # it is ours
    finally:
        broker.join(20)
    assert names["environment"]["GITHUB_REPOSITORY"] == "shop-team/orders"
    assert names["token"].count(".") == 2
    assert names["consumer"].event_payload["client_payload"] == {"run": names["run"].id}
