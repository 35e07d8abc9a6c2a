"""The action meets a broker whose database is in trouble, and outwaits it."""

from collections.abc import Callable
from pathlib import Path

from zekt_testing.action import outputs_of, start_action
from zekt_testing.broker import Zekt


def test_the_action_succeeds_when_the_trouble_ends_in_the_meantime(start: Callable[..., Zekt], tmp_path: Path) -> None:
    zekt = start()
    zekt.sql(
        """CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE EXCEPTION 'as the test has asked' USING ERRCODE = '53100'; END $$"""
    )
    zekt.sql("CREATE TRIGGER trouble BEFORE INSERT ON messages EXECUTE FUNCTION trouble()")
    run = zekt.start_run()
    with start_action(zekt, run, tmp_path, payload='{"resourceType": "webServer"}') as action:
        assert action.stdout is not None
        told = next(line for line in action.stdout if "Try 1 of" in line)
        assert "HTTP 503" in told
        zekt.sql("DROP FUNCTION trouble() CASCADE")
        rest = action.stdout.read()
        assert action.wait(60) == 0, rest
    assert outputs_of(tmp_path)["status"] == "success"
    assert zekt.sql("SELECT count(*) FROM messages") == [(1,)]
    zekt.github.finish_run(run)
    (dispatch,) = zekt.dispatched()
    assert dispatch.client_payload["zekt"]["payload"] == {"resourceType": "webServer"}
