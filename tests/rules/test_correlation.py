from dataclasses import replace

from zekt_backend.rules.correlation import Message, owed, take


def message(name: str, attempt: int, job: str = "build", step: str = "send", event_type: str = "order") -> Message:
    return Message(name, event_type, ".github/workflows/order.yml", attempt, job, step)


def names(messages: list[Message], attempt: int) -> list[str]:
    return [found.event_id for found in take(messages, attempt)]


def test_all_messages_of_the_attempt_are_taken_in_order() -> None:
    assert names([message("a", 1), message("b", 1), message("c", 1, "deploy")], 1) == ["a", "b", "c"]


def test_what_another_job_sent_in_an_earlier_attempt_is_taken_along() -> None:
    assert names([message("a", 1, "build"), message("b", 3, "deploy")], 3) == ["a", "b"]


def test_what_the_same_step_sends_again_takes_the_place_of_what_it_sent_before() -> None:
    assert names([message("a", 1), message("b", 2), message("c", 2)], 2) == ["b", "c"]


def test_another_event_type_of_the_same_step_is_another_message() -> None:
    assert names([message("a", 1, event_type="started"), message("b", 2)], 2) == ["a", "b"]


def test_messages_of_a_later_attempt_wait_for_theirs() -> None:
    assert names([message("a", 1), message("b", 2)], 1) == ["a"]
    assert names([message("b", 2)], 1) == []


def test_what_was_replaced_stays_replaced_although_its_successor_was_delivered() -> None:
    successor = replace(message("b", 2), carried_to=(7,))
    assert names([message("a", 1), successor], 3) == ["b"]


def test_what_one_consumer_was_given_is_still_owed_to_another() -> None:
    given = replace(message("a", 1), carried_to=(7,))
    assert owed([given, message("b", 2, "deploy")], 7) == [message("b", 2, "deploy")]
    assert owed([given], 8) == [given]


LEGS = [replace(message(leg, 1), leg=leg, check_run_id=leg) for leg in ("linux", "macos", "windows")]


def test_a_leg_that_runs_again_replaces_its_own_message_alone() -> None:
    again = replace(message("again", 2), leg="windows", check_run_id="4")
    assert names([*LEGS, again], 2) == ["linux", "macos", "again"]


def test_a_leg_that_sends_for_the_first_time_replaces_nobodys() -> None:
    late = replace(message("windows", 2), leg="windows", check_run_id="4")
    assert names([*LEGS[:1], late], 2) == ["linux", "windows"]


def test_of_jobs_that_cannot_be_told_apart_nothing_is_lost_until_as_many_have_sent_again() -> None:
    alike = [replace(each, leg=None) for each in LEGS]
    again = [replace(message(str(n), 2), check_run_id=str(n)) for n in range(3)]
    assert names([*alike, again[0]], 2) == ["linux", "macos", "windows", "0"]
    assert names([*alike, *again], 2) == ["0", "1", "2"]


def test_who_names_no_job_is_never_known_again() -> None:
    nameless = [replace(message(name, attempt), job=None, step=None) for attempt, name in enumerate("ab", 1)]
    assert names(nameless, 2) == ["a", "b"]
