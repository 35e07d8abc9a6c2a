"""What the GitHub App asks for, and nothing more: its manifest. docs/github-app.md has the reason for each. Pure.

https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

from typing import Any

PERMISSIONS = {
    "actions": "read",
    "contents": "write",
    "members": "read",
    "metadata": "read",
    "repository_hooks": "write",
}
"""Name at GitHub, and level. Adding one makes every owner who has installed the app accept it: not lightly."""

ISSUES = {"issues": "write"}
"""Only where notices of failure are to be issues, too: whoever registers the app says so."""

EVENTS = ("installation_target", "repository", "workflow_run")
"""Beside `installation` and `installation_repositories`, which every app hears of and none can ask for."""


def manifest(
    *, name: str, base_url: str, webhook_url: str, callback_url: str, public: bool, issues: bool
) -> dict[str, Any]:
    """As GitHub takes it.

    Args:
        name: at most 34 characters, and no other app's.
        base_url: where people reach the broker; the browser comes back there with the code that `zekt app register`
            takes.
        webhook_url: where GitHub's webhooks come in.
        callback_url: where a sign-in comes back.
        public: whether other owners than the app's own may install it.
        issues: whether it may open issues.
    """
    return {
        "name": name,
        "url": base_url,
        "redirect_url": base_url,
        "callback_urls": [callback_url],
        "hook_attributes": {"url": webhook_url, "active": True},
        "public": public,
        "request_oauth_on_install": False,
        "default_permissions": {**PERMISSIONS, **(ISSUES if issues else {})},
        "default_events": list(EVENTS),
    }
