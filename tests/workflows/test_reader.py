"""A workflow file as data: every part with its line and column, and no file that could hurt its reader."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zekt_workflows.errors import MAX_BYTES, WorkflowFileError
from zekt_workflows.model import Origin, uses
from zekt_workflows.reader import read, read_file
from zekt_workflows.source import Place, Scalar, Source

FILE = """\
name: Order
run-name: Order by ${{ github.actor }}
on:
  workflow_dispatch:
    inputs:
      size: {type: choice, options: [small, large], default: small, required: true}
      note:
  workflow_call: {inputs: {count: {type: number}}}
  repository_dispatch:
    types: [order, 1.10]
  schedule:
    - cron: "17 5 * * 1"
permissions: {}
env:
  ZEKT_API_URL: https://zekt.example.com
jobs:
  first:
    permissions: {id-token: write, contents: read}
    runs-on: ubuntu-latest
    outputs:
      id: ${{ steps.zekt.outputs.event-id }}
    steps:
      - id: zekt
        name: Send
        if: ${{ always() }}
        uses: zekt-dev-org/zekt-action/send@v0
        with:
          Event-Type: order
        env:
          TOKEN: x
      - run: |
          echo one
        shell: bash
  second:
    needs: first
    strategy: {matrix: {n: [1, 2]}}
    uses: ./.github/workflows/other.yml
    with: {a: b}
  third: {needs: [first, second], permissions: read-all, steps: []}
"""


def text(value: Scalar | None) -> str | None:
    return None if value is None else value.text


def test_everything_is_read_with_its_place() -> None:
    flow = read(FILE, "order.yml")
    assert (flow.path, text(flow.name), text(flow.run_name)) == ("order.yml", "Order", "Order by ${{ github.actor }}")
    assert [event.name.text for event in flow.events] == [
        "workflow_dispatch", "workflow_call", "repository_dispatch", "schedule",
    ]  # fmt: skip
    dispatch, call, repository, schedule = flow.events
    size, note = dispatch.inputs
    assert (size.name.text, size.type, size.required, text(size.default)) == ("size", "choice", True, "small")
    assert [option.text for option in size.options] == ["small", "large"]
    assert (note.type, note.required, note.default) == ("string", False, None)
    assert [(each.name.text, each.type) for each in call.inputs] == [("count", "number")]
    assert [(each.text, each.place) for each in repository.types or ()] == [
        ("order", Place(10, 13)), ("1.10", Place(10, 20)),
    ]  # fmt: skip
    assert schedule.types is None
    assert [(name.text, value.text, value.place) for name, value in flow.env] == [
        ("ZEKT_API_URL", "https://zekt.example.com", Place(15, 17))
    ]


def test_jobs_and_their_steps_are_read_with_their_places() -> None:
    flow = read(FILE)
    first, second, third = flow.jobs
    send, run = first.steps
    assert (first.id.text, first.id.place, text(send.id), text(send.name)) == ("first", Place(17, 3), "zekt", "Send")
    assert (text(send.condition), text(send.argument("event-type")), send.place) == (
        "${{ always() }}", "order", Place(23, 9),
    )  # fmt: skip
    assert send.uses is not None
    assert (send.uses.repository, send.uses.path, send.uses.ref) == ("zekt-dev-org/zekt-action", "send", "v0")
    assert [(name.text, value.text) for name, value in send.env] == [("TOKEN", "x")]
    assert (text(run.run), text(run.shell), run.uses) == ("echo one\n", "bash", None)
    assert ([need.text for need in second.needs], text(second.argument("a"))) == (["first"], "b")
    assert second.uses is not None
    assert second.uses.origin is Origin.WORKSPACE
    assert [need.text for need in third.needs] == ["first", "second"]
    assert [(job.id.text, step.place.line) for job, step in flow.steps()] == [("first", 23), ("first", 31)]


def test_a_job_has_its_own_permissions_or_those_of_the_file() -> None:
    flow = read(FILE)
    granted = [flow.granted(job) for job in flow.jobs]
    assert [each and each.of("id-token") for each in granted] == ["write", "none", "read"]
    nowhere = read("on: push\njobs: {a: {}}")
    assert nowhere.granted(nowhere.jobs[0]) is None
    empty = read("on: push\npermissions:\njobs: {a: {}}")
    nothing = empty.granted(empty.jobs[0])
    assert nothing is not None
    assert nothing.of("contents") == "none"


@pytest.mark.parametrize(
    ("written", "origin", "repository", "path", "ref"),
    [
        ("o/r@v1", Origin.REPOSITORY, "o/r", "", "v1"),
        ("o/r/a/b.yml@refs/heads/x", Origin.REPOSITORY, "o/r", "a/b.yml", "refs/heads/x"),
        ("o/r@v1@2", Origin.REPOSITORY, "o/r", "", "v1@2"),
        ("$/", Origin.SAME, "/", "", ""),
        ("$/confirm", Origin.SAME, "/", "confirm", ""),
        ("./", Origin.WORKSPACE, "/", "", ""),
        ("./a/b", Origin.WORKSPACE, "/", "a/b", ""),
        ("docker://alpine:3", Origin.IMAGE, "/", "alpine:3", ""),
        ("o/r", Origin.UNKNOWN, "/", "", ""),
        ("", Origin.UNKNOWN, "/", "", ""),
    ],
)
def test_what_uses_names_is_taken_apart(written: str, origin: Origin, repository: str, path: str, ref: str) -> None:
    found = uses(Scalar(written, Place(1, 1), 0, 0, plain=True))
    assert (found.origin, found.repository, found.path, found.ref) == (origin, repository, path, ref)


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ("on: push\njobs: []", "f.yml:2:7: here should be keys and values"),
        ("on: push\njobs: {a: {steps: {}}}", "f.yml:2:19: here should be a list"),
        ("on: push\njobs: {a: {steps: [x]}}", "f.yml:2:20: here should be keys and values"),
        ("on: push\nname: [a]", "f.yml:2:7: here should be one value"),
        ("on: push\njobs: {a: {needs: {b: c}}}", "f.yml:2:19: here should be a word or a list of words"),
        ("on: push\npermissions: all", "f.yml:2:14: permissions should be read-all, write-all or"),
        ("on: push\njobs:\n  a: {}\n  a: {}", "f.yml:4:3: the key `a` stands twice"),
        ("on: push\n? [a]\n: b", "f.yml:2:3: a key should be a word"),
        ("on: push\njobs: &j\n  a: *j", "f.yml:2:7: it contains itself"),
        ("on: push\n\tjobs: {}", "f.yml:2:1: it is no YAML: found character '\\t'"),
        ("on: push\nname: a\x1b[2J", "f.yml:2:8: it has control characters"),
        ("", "f.yml: it is empty"),
    ],
)
def test_an_error_names_the_file_the_line_and_the_column(wrong: str, where: str) -> None:
    with pytest.raises(WorkflowFileError) as caught:
        read(wrong, "f.yml")
    assert str(caught.value).startswith(where)


def test_jobs_that_alias_each_other_are_counted_as_often_as_they_stand_there() -> None:
    steps = "on: push\nx: &s [" + "{run: a}," * 500 + "]\njobs:\n"
    assert len(read(steps + "  a: {steps: *s}\n").jobs[0].steps) == 500
    with pytest.raises(WorkflowFileError, match="too many parts"):
        read(steps + "".join(f"  a{n}: {{steps: *s}}\n" for n in range(100)))


def test_an_expression_may_stand_for_a_whole_env() -> None:
    assert read("on: push\nenv: ${{ fromJSON('{}') }}\njobs: {}").env == ()


def test_a_file_is_read_from_disk_within_bounds(tmp_path: Path) -> None:
    good, large, latin = (tmp_path / name for name in ("good.yml", "large.yml", "latin.yml"))
    good.write_text("\ufeffon: push\r\nname: \u00dcber\r\njobs: {}\r\n", encoding="utf-8")
    large.write_text("#" * (MAX_BYTES + 1))
    latin.write_bytes(b"on: push\nname: \xfc\n")
    flow = read_file(good, name="shown.yml")
    assert (flow.path, text(flow.name), flow.name and flow.name.place) == ("shown.yml", "\u00dcber", Place(2, 7))
    assert flow.source.line(2) == "name: \u00dcber"
    for path, why in (
        (large, "larger than 131,072 bytes"),
        (latin, r"not UTF-8 \(byte 15\)"),
        (tmp_path, "cannot be read: Is a directory"),
        (tmp_path / "none.yml", "cannot be read: No such file"),
        (Path("\0"), "cannot be read: embedded null byte"),
    ):
        with pytest.raises(WorkflowFileError, match=why):
            read_file(path)


@given(st.text(alphabet="ab\n\r\u2028é😀", max_size=50))
def test_a_place_leads_back_to_the_character(written: str) -> None:
    source = Source(written)
    for index, char in enumerate(written):
        place = source.place(index)
        if char not in "\r\n":
            assert source.line(place.line)[place.column - 1] == char
    assert source.line(0) == ""


def test_every_workflow_of_ours_is_read(root: Path) -> None:
    files = [*(root / ".github/workflows").glob("*.yml"), *(root / "examples").rglob("*.yml")]
    assert len(files) > 6
    for file in files:
        assert read_file(file).jobs
