"""Many consumers of one provider."""

from typing import Any

from zekt_testing.setup import directory


def crowd(count: int, *, installations: int, durable: bool = False) -> dict[str, Any]:
    """A directory of `count` consumers, team-0/app-0 and so on, spread over so many installations (from 60 on)."""
    wanted = directory(status="revoked")
    for number in range(count):
        team = number % installations
        if number == team:
            wanted["accounts"].append({"login": f"team-{team}", "repositories": []})
        repository = {"name": f"app-{number}", "id": 5000 + number, "installation-id": 60 + team}
        wanted["accounts"][2 + team]["repositories"].append(repository)
        wanted["subscriptions"].append(
            {
                "service": "infrastructure-orders",
                "consumer": f"team-{team}/app-{number}",
                "status": "approved",
                "durable": durable,
            }
        )
    return wanted


def add_to(github: Any, wanted: dict[str, Any]) -> None:
    """Let the stand-in GitHub know the crowd's repositories."""
    for account in wanted["accounts"][2:]:
        for each in account["repositories"]:
            github.add_repository(
                f"{account['login']}/{each['name']}", id=each["id"], installation_id=each["installation-id"]
            )
