"""A consumer's repositories: let them receive, track how their runs end, and know before what that costs."""

from collections.abc import Callable

from zekt_backend.rules.onboarding import REQUESTS_TO_PLACE
from zekt_sandbox.letters import Hook
from zekt_testing.broker import Zekt
from zekt_testing.browser import Visitor

HOME = "/consumer/repositories"
RECEIVES, TRACKS = "Receiving of infra-team/platform", "Completion tracking of infra-team/platform"
PERMISSIONS = {"actions": "read", "contents": "write", "metadata": "read", "repository_hooks": "write"}
NOTHING = "UPDATE repositories SET completion_tracking = false, hook_id = NULL WHERE id = 2002"


def hooks(zekt: Zekt) -> list[Hook]:
    return [hook for hook in zekt.github.world.hooks.all() if str(hook.repository) == "infra-team/platform"]


def is_on(visitor: Visitor, name: str) -> bool:
    return visitor.page.get_by_role("switch", name=name).get_attribute("aria-checked") == "true"


def test_completion_tracking_says_what_it_places_and_costs_then_places_it(zekt: Zekt, alice: Visitor) -> None:
    zekt.github.world.hooks.remove(zekt.hooks[1].id)
    zekt.sql(NOTHING)
    alice.page.goto(HOME)
    alice.look("consumer-repositories")
    alice.page.get_by_role("switch", name=TRACKS).click()
    dialog = alice.page.get_by_role("dialog")
    dialog.get_by_role("heading", level=1).wait_for()
    told = dialog.inner_text()
    assert f"At most {REQUESTS_TO_PLACE} requests" in told
    assert "reads no webhook logs" in told  # as the tests' brokers do
    assert zekt.url + "/api/github/webhooks" in told
    assert hooks(zekt) == []
    alice.look("consumer-completion")
    before = len(zekt.github.visits())
    dialog.get_by_role("button", name="Place the webhook and track").click()
    alice.page.get_by_role("status").get_by_text("Completion tracking is on").wait_for()
    (hook,) = hooks(zekt)
    assert list(hook.events) == ["workflow_run"]
    spent = [visit for visit in zekt.github.visits()[before:] if visit.where == "rest"]
    assert 0 < len(spent) <= REQUESTS_TO_PLACE, spent
    assert is_on(alice, TRACKS)
    alice.page.get_by_role("button", name="Undo").click()
    alice.page.get_by_role("status").get_by_text("Completion tracking is off").wait_for()
    assert (hooks(zekt), zekt.get("/api/repositories/2002")["completionTracking"]) == ([], False)


def test_it_stops_receiving_only_when_asked_twice_and_starts_again_by_undo(zekt: Zekt, alice: Visitor) -> None:
    alice.page.goto(HOME)
    alice.page.get_by_role("switch", name=RECEIVES).click()
    alice.page.get_by_role("dialog").get_by_text("nothing is delivered there").wait_for()
    assert zekt.get("/api/repositories/2002")["consumer"] is True
    alice.page.get_by_role("dialog").get_by_role("button", name="Stop receiving").click()
    alice.page.get_by_role("status").get_by_text("Receiving is off").wait_for()
    assert not is_on(alice, RECEIVES)
    alice.page.get_by_role("button", name="Undo").click()
    alice.page.get_by_role("status").get_by_text("Receiving is on").wait_for()
    assert zekt.get("/api/repositories/2002")["consumer"] is True


def test_what_the_app_lacks_is_said_with_what_to_click_and_tried_again(zekt: Zekt, alice: Visitor) -> None:
    zekt.sql(NOTHING)
    zekt.github.set_installation("infra-team/platform", permissions={**PERMISSIONS, "repository_hooks": "read"})
    alice.page.goto(f"{HOME}/2002/completion-tracking")
    alice.page.get_by_role("button", name="Place the webhook and track").click()
    told = alice.page.get_by_role("alert").inner_text()
    assert "Webhooks: Read and write" in told
    assert "Review request" in told
    alice.look("consumer-completion-refused")
    zekt.github.set_installation("infra-team/platform", permissions=PERMISSIONS)
    alice.page.get_by_role("button", name="Try again").click()
    alice.page.get_by_role("status").get_by_text("Completion tracking is on").wait_for()


def test_one_is_added_by_its_name_and_receives_at_once(zekt: Zekt, alice: Visitor) -> None:
    zekt.github.add_repository("infra-team/tools", id=2003, installation_id=52)
    alice.page.goto(HOME)
    alice.page.get_by_role("link", name="Add a repository").click()
    dialog = alice.page.get_by_role("dialog")
    dialog.get_by_label("Repository").fill("infra-team/unheard-of")
    dialog.get_by_role("button", name="Add and let it receive").click()
    assert "no installation of the Zekt app" in alice.page.get_by_role("alert").inner_text()
    assert alice.page.get_by_label("Repository").input_value() == "infra-team/unheard-of"
    alice.page.get_by_label("Repository").fill("infra-team/tools")
    alice.page.get_by_role("button", name="Add and let it receive").click()
    alice.page.get_by_role("status").get_by_text("infra-team/tools can receive").wait_for()
    assert zekt.get("/api/repositories/2003")["consumer"] is True


def test_on_a_telephone_in_the_dark_and_for_those_who_may_only_look(zekt: Zekt, visit: Callable[..., Visitor]) -> None:
    zekt.github.add_repository("infra-team/other", id=2003, installation_id=52)
    zekt.sql(
        """INSERT INTO repositories (id, account_id, full_name, installation_id, enabled, consumer)
           SELECT 2003, account_id, 'infra-team/other', 52, true, true FROM repositories WHERE id = 2002"""
    )
    zekt.github.set_person("mia", repositories={"infra-team/other": "admin"})
    mia = visit(narrow=True, dark=True)
    mia.become("mia", HOME)
    assert mia.page.get_by_text("infra-team/platform").is_visible()
    names = [switch.get_attribute("aria-label") for switch in mia.page.get_by_role("switch").all()]
    assert names == ["Receiving of infra-team/other", "Completion tracking of infra-team/other"]
    mia.look("consumer-repositories")
    mia.page.goto(f"{HOME}/2002/consumer")
    mia.page.get_by_role("button", name="Stop receiving").click()
    assert "not_yours" in mia.page.get_by_role("alert").inner_text()
    assert zekt.get("/api/repositories/2002")["consumer"] is True


def test_to_others_there_is_nothing_but_what_to_do_next(sam: Visitor) -> None:
    """shop-team, sam's, is no consumer."""
    sam.page.goto(HOME)
    assert "No repository yet" in sam.page.content()
    assert "infra-team" not in sam.page.content()
    sam.look("consumer-repositories-empty")
    sam.page.goto(f"{HOME}/2002/completion-tracking")
    assert "not_yours" in sam.page.get_by_role("alert").inner_text()
