"""`zekt init`: what it writes is right as it stands, whatever the event type, and nothing of a user's is lost."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from zekt_backend.cli import app
from zekt_workflows.lint import lint
from zekt_workflows.ours import Part, ours
from zekt_workflows.reader import read
from zekt_workflows.rules import UNPINNED
from zekt_workflows.starter import API_URL, Side, starter

NASTY = 'it\'s: "#1" {api_url} - !x & *y'
Init = Callable[..., Result]


@pytest.fixture
def init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Init:
    """Called in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, ["init", *arguments], catch_exceptions=False)


@given(st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1, max_size=100))
@example(NASTY)
@example("{event_type}")
@example("0o17")
@example("yes")
@example("- a")
@example("a" * 100)
@example("😀")
def test_every_event_type_is_itself_in_what_is_written(event_type: str) -> None:
    if event_type != event_type.strip() or "${{" in event_type:
        return
    provider = read(starter(Side.PROVIDER, event_type=event_type))
    consumer = read(starter(Side.CONSUMER, event_type=event_type, durable=True))
    assert [each.text for event in consumer.events for each in event.types or ()] == [event_type]
    (sent,) = [each.step for each in ours(provider) if each.step]
    assert (given := sent.argument("event-type"))
    assert given.text == event_type
    assert (provider.name and provider.name.text) == f"Send {event_type}"
    assert lint([provider], {event_type}) == lint([provider])
    assert {each.rule for each in lint([provider, consumer], {event_type})} == {UNPINNED}


@pytest.mark.parametrize("event_type", ["0o17", "1e3", "yes", "~", "2026-01-01", "1:30", ".inf", "-1", "NaN", "true"])
def test_what_any_yaml_takes_for_something_else_is_in_quotes(event_type: str) -> None:
    assert f"event-type: '{event_type}'" in starter(Side.PROVIDER, event_type=event_type) or event_type == "NaN"
    content = yaml.safe_load(starter(Side.CONSUMER, event_type=event_type))
    assert content[True]["repository_dispatch"]["types"] == [event_type]


@pytest.mark.parametrize(
    "wrong", ["", "a" * 101, " a", "a ", "a\nb", "a\u2028b", "a\x1bb", "\ud800", "${{ github.token }}"]
)
def test_what_cannot_be_an_event_type_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="event type"):
        starter(Side.PROVIDER, event_type=wrong)


def test_confirm_is_first_and_complete_is_last_where_it_is_durable() -> None:
    parts = [each.part for each in ours(read(starter(Side.CONSUMER, durable=True)))]
    assert parts == [Part.CONFIRM, Part.COMPLETE]
    assert [each.part for each in ours(read(starter(Side.CONSUMER)))] == [Part.CONFIRM]


def test_what_is_written_passes_zizmor_and_githubs_schema_and_our_linter(init: Init) -> None:
    files = ["provider.yml", "consumer.yml", "durable.yml"]
    for file, extra in zip(files, (["provider"], ["consumer"], ["consumer", "--durable"]), strict=True):
        assert init(*extra, "--event-type", NASTY, "--output", f".github/workflows/{file}").exit_code == 0
    paths = [f".github/workflows/{file}" for file in files]
    bin_ = Path(sys.executable).parent
    for command in (
        [bin_ / "zizmor", "--offline", "--no-progress", "--persona", "pedantic", *paths],
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", *paths],
    ):
        done = subprocess.run(list(map(str, command)), check=False, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
    assert CliRunner().invoke(app, ["lint"]).exit_code == 0


def test_it_says_what_comes_next_in_commands_to_paste(init: Init) -> None:
    done = init("provider", "--event-type", "it's")
    assert done.stdout.startswith("Wrote .github/workflows/zekt-provider.yml.")
    assert """--event-type 'it'"'"'s'""" in done.stdout
    done = init("consumer", "--durable", "--output", "a folder/b.yml")
    assert "zekt lint 'a folder/b.yml'" in done.stdout
    assert "zekt subscriptions request SLUG@OWNER/REPO --durable\n" in done.stdout


def test_nothing_is_written_over_unless_that_is_asked_for(init: Init) -> None:
    Path("mine.yml").write_text("mine")
    Path("link.yml").symlink_to("nowhere.yml")
    for name in ("mine.yml", "link.yml"):
        done = init("provider", "--output", name)
        assert (done.exit_code, "is there already" in done.stderr) == (2, True)
    assert (Path("mine.yml").read_text(), Path("nowhere.yml").exists()) == ("mine", False)
    assert init("provider", "--output", "mine.yml", "--force").exit_code == 0
    assert Path("mine.yml").read_text("utf-8") == starter(Side.PROVIDER)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["provider", "--durable"], "--durable is for a consumer"),
        (["provider", "--event-type", "a\x1b[2J"], "characters that cannot be seen"),
        (["consumer", "--api-url", "http://broker.example.com"], "plain http to another machine"),
        (["consumer", "--api-url", "https://a b"], "no address has"),
        (["provider", "--output", "folder"], "there already"),
        (["provider", "--output", "folder", "--force"], "cannot be written"),
        (["provider", "--output", "file/x.yml"], "cannot be written: "),
        (["neither"], "is not one of"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(init: Init, arguments: list[str], why: str) -> None:
    Path("folder").mkdir()
    Path("file").touch()
    done = init(*arguments)
    assert (done.exit_code, why in " ".join(done.stderr.replace("│", " ").split())) == (2, True), done.stderr
    assert "\x1b[2J" not in done.stderr


def test_the_address_is_the_one_that_was_given(init: Init) -> None:
    init("consumer", "--api-url", "https://broker.example.org/zekt/")
    assert "ZEKT_API_URL: https://broker.example.org/zekt #" in Path(".github/workflows/zekt-consumer.yml").read_text()
    assert f"ZEKT_API_URL: {API_URL} #" in starter(Side.PROVIDER)
