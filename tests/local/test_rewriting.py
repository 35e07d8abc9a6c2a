"""The workflow that act gets is the user's, but for what act would do otherwise than GitHub."""

import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from zekt_sandbox.local.checkout import Checkout
from zekt_sandbox.local.errors import CannotStart
from zekt_sandbox.local.rewriting import SETUP_STEP, Rewriting, Surroundings
from zekt_sandbox.local.tree import grow, written
from zekt_workflows.reader import read

BROKER = "http://127.0.0.1:8750"
ORDER = ".github/workflows/order.yml"


@pytest.fixture
def rewritten(root: Path, tmp_path: Path) -> Any:
    """Rewrites a workflow beside other files; gives the files as data, and the notes."""

    def rewrite(text: str, *, api_url: str | None = BROKER, **others: str) -> tuple[dict[str, Any], list[str]]:
        around = Surroundings(
            suffix="S",
            label="l=1",
            api_url=api_url,
            grant=lambda job, reference: {"TOKEN": f"{job}|{reference}"},
            text=lambda path: others.get(Path(path).stem),
            checkout=Checkout(tmp_path / "checkout", root),
        )
        rewriting = Rewriting(around)
        rewriting.workflow(read(text, ORDER))
        return {name: yaml.safe_load(each) for name, each in rewriting.files.items()}, rewriting.notes

    return rewrite


def test_what_is_not_touched_stays_what_it_was() -> None:
    text = """
"on": {push: {branches: ["main", '*']}}
env: {A: 1.10, B: yes, C: "no", D: null, E: 0o17, F: '', G: a#b, H: "🚀\\n", I: on}
jobs:
  a:
    if: ${{ github.ref == 'refs/heads/main' }}
    steps:
      - run: |
          echo "a: {b}, c" # not a comment
          echo 'two'
"""
    source = read(text)
    again = read(written(grow(source.raw)))
    assert yaml.safe_load(written(grow(source.raw))) == yaml.safe_load(text)
    assert [(key.text, value.text) for key, value in again.env] == [(key.text, value.text) for key, value in source.env]


def _job(permissions: str = "", more: str = "") -> str:
    return f"on: push\njobs:\n  a:\n    runs-on: x\n    {permissions}\n    {more}\n    steps: [{{run: 'true'}}]\n"


@pytest.mark.parametrize(
    ("top", "job", "granted"),
    [
        ("permissions: {id-token: write}", "", True),
        ("", "permissions: {id-token: write}", True),
        ("permissions: write-all", "", True),
        ("", "", False),
        ("permissions: {}", "", False),
        ("permissions: read-all", "", False),
        ("permissions: {id-token: write}", "permissions: {contents: read}", False),
        ("permissions: {id-token: read}", "", False),
    ],
)
def test_a_job_has_tokens_where_it_was_granted_them(rewritten: Any, top: str, job: str, granted: bool) -> None:
    files, _ = rewritten(f"{top}\n{_job(job)}")
    assert files["workflow.yml"]["jobs"]["a"].get("env", {}) == ({"TOKEN": "a|"} if granted else {})


def test_legs_of_a_matrix_are_told_apart_by_a_step_that_the_log_leaves_out(rewritten: Any) -> None:
    files, _ = rewritten("permissions: {id-token: write}\n" + _job(more="strategy: {matrix: {k: [1, 2]}}"))
    first, second = files["workflow.yml"]["jobs"]["a"]["steps"]
    assert first["id"] == SETUP_STEP
    assert second == {"run": "true"}


CALLS = """
name: Order
on: push
permissions: {id-token: write}
jobs:
  one: {uses: ./.github/workflows/called.yml}
  two: {uses: $/.github/workflows/called.yml, permissions: {}}
"""


def test_each_call_of_a_reusable_workflow_has_a_file_of_its_own(rewritten: Any) -> None:
    files, _ = rewritten(CALLS, called="on: workflow_call\n" + _job().partition("\n")[2])
    assert list(files) == ["workflow.yml", "called-0.yml", "called-1.yml"]
    jobs = files["workflow.yml"]["jobs"]
    assert [jobs[name]["uses"] for name in ("one", "two")] == ["./../called-0.yml", "./../called-1.yml"]
    one, two = (files[f"called-{number}.yml"] for number in (0, 1))
    assert one["jobs"]["a"]["env"] == {"TOKEN": "one / a|.github/workflows/called.yml"}
    assert "env" not in two["jobs"]["a"]
    assert {jobs["one"]["name"], jobs["two"]["name"]} == {"one-S", "two-S"}
    assert {one["jobs"]["a"]["name"], two["jobs"]["a"]["name"]} == {"a-S.0", "a-S.1"}
    assert one["name"] == "Order"  # GITHUB_WORKFLOW is the caller's


@pytest.mark.parametrize(
    ("called", "said"),
    [
        ({}, "workflow was not found"),
        ({"called": "on: [workflow_call\n"}, "called.yml:"),
        ({"called": CALLS.replace("on: push", "on: workflow_call")}, "too many workflows call each other"),
        ({"called": "on: workflow_call\njobs: {}\n"}, "it has no jobs"),
    ],
)
def test_what_github_would_not_start_is_not_started(rewritten: Any, called: dict[str, str], said: str) -> None:
    with pytest.raises(CannotStart, match=said):
        rewritten(CALLS.replace("permissions: {}", "secrets: inherit"), **called)


def test_our_reusable_workflows_come_from_this_checkout_and_call_its_actions_by_the_ref(rewritten: Any) -> None:
    receive = "zekt-dev-org/zekt-action/.github/workflows/zekt-receive.yml@abc"
    files, notes = rewritten(
        "on: push\njobs:\n  receive:\n    permissions: {id-token: write, contents: read}\n"
        f"    uses: {receive}\n    with: {{script: x.sh, zekt-api-url: 'https://zekt.example.com'}}\n"
    )
    steps = files["called-0.yml"]["jobs"]["receive"]["steps"]
    uses = [step["uses"] for step in steps if "zekt-action" in step.get("uses", "")]
    assert uses == ["zekt-dev-org/zekt-action/confirm@abc", "zekt-dev-org/zekt-action/complete@abc"]
    token = files["called-0.yml"]["jobs"]["receive"]["env"]["TOKEN"]
    assert token == f"receive / receive|{receive}"
    assert files["workflow.yml"]["jobs"]["receive"]["with"]["zekt-api-url"] == BROKER
    assert notes == [f"{ORDER}:6 says https://zekt.example.com; here the broker is at {BROKER}."]


ADDRESSED = """
on: push
env: {ZEKT_API_URL: "https://zekt.example.com"}
jobs:
  a:
    runs-on: x
    steps:
      - uses: zekt-dev-org/zekt-action@v0
        with: {Zekt-Api-Url: "https://zekt.example.com"}
      - uses: zekt-dev-org/zekt-action@v0
        with: {zekt-api-url: "${{ vars.ZEKT_API_URL }}"}
      - run: "true"
        env: {ZEKT_API_URL: "https://zekt.example.com"}
"""


def test_the_broker_that_is_here_replaces_any_other_and_that_is_said(rewritten: Any) -> None:
    files, notes = rewritten(ADDRESSED)
    literal, expression, step = files["workflow.yml"]["jobs"]["a"]["steps"]
    assert (literal["with"], step["env"]) == ({"Zekt-Api-Url": BROKER}, {"ZEKT_API_URL": BROKER})
    assert expression["with"] == {"zekt-api-url": "${{ vars.ZEKT_API_URL }}"}
    assert [note.partition(" says")[0] for note in notes] == [f"{ORDER}:3", f"{ORDER}:9", f"{ORDER}:13"]


def test_without_a_broker_nothing_is_replaced(rewritten: Any) -> None:
    files, notes = rewritten(ADDRESSED, api_url=None)
    assert files["workflow.yml"]["jobs"]["a"]["steps"] == yaml.safe_load(ADDRESSED)["jobs"]["a"]["steps"]
    assert notes == []


def test_containers_with_options_of_their_own_get_the_label_too(rewritten: Any) -> None:
    files, _ = rewritten(_job(more="container: alpine\n    services: {db: {image: pg, options: --init}}"))
    job = files["workflow.yml"]["jobs"]["a"]
    assert job["container"] == {"image": "alpine", "options": "--label l=1"}
    assert job["services"]["db"]["options"] == "--init --label l=1"


@pytest.mark.parametrize(
    "asked",
    [
        'volumes: ["/var/run/docker.sock:/var/run/docker.sock"]',
        "volumes: [/tmp/x:/host]",
        "volumes: ['./x:/host']",
        "volumes: ['~/x:/host']",
        "volumes: ['..:/host']",
        "volumes: ['cache:/x:ro,z']",
        "volumes: ['${{ github.workspace }}:/host']",
        "volumes: ['/${{ github.workspace }}']",
        "volumes: [{source: /}]",
        "volumes: /:/host",
        "volumes: \"${{ fromJSON('[]') }}\"",
        "options: --privileged",
        "options: -v /:/host",
        "options: -v/:/host",
        "options: --init -itv/:/host",
        "options: --volume=/:/host",
        "options: --mount type=bind,source=/,target=/host",
        "options: --cpus 1 --pid=host",
        "options: --cpus --privileged --pid=host",
        "options: --cap-add ALL",
        "options: --security-opt seccomp=unconfined",
        "options: --device /dev/sda",
        "options: --env-file /etc/passwd",
        "options: --env AWS_SECRET_ACCESS_KEY",
        "options: -eA=1 -v/:/host",
        "options: --init=--privileged",
        "options: --cpus",
        "options: '--health-cmd ${{ inputs.x }}'",
        "options: '--health-cmd $\"{{ inputs.x }}\"'",
        "options: \"--health-cmd 'x' --privileged\"",
        "options: --hostname 'x",
        "options: [--privileged]",
        "options: x",
        "entrypoint: /x",
        "'${{ insert }}': x",
    ],
)
@pytest.mark.parametrize("place", ["container: {{image: x, {}}}", "services: {{db: {{image: x, {}}}}}"])
def test_a_job_that_asks_for_this_machine_does_not_start(rewritten: Any, asked: str, place: str) -> None:
    with pytest.raises(CannotStart, match=rf"^{ORDER}:3: the job 'a': (container|services\.db)\.") as refused:
        rewritten(_job(more=place.format(asked)))
    assert "does not run here" in str(refused.value)


def test_a_called_workflow_cannot_ask_for_it_either(rewritten: Any) -> None:
    called = "on: workflow_call\n" + _job(more="container: {image: x, options: --privileged}").partition("\n")[2]
    with pytest.raises(CannotStart, match=r"called.yml:3: the job 'a': container\.options says '--privileged'"):
        rewritten(CALLS, called=called)


@pytest.mark.parametrize("services", ["x", "[x]", "{db: x}", "\"${{ fromJSON('{}') }}\""])
def test_services_that_cannot_be_looked_at_do_not_start(rewritten: Any, services: str) -> None:
    with pytest.raises(CannotStart, match="is no mapping"):
        rewritten(_job(more=f"services: {services}"))


def test_what_harms_nothing_reaches_docker_as_it_was_written(rewritten: Any) -> None:
    asked = """container:
      image: x
      volumes: ["cache:/var/cache", "data:/d:ro", /scratch]
      options: >-
        --health-cmd "pg_isready -U 'me'" --health-retries=5 -e A=b=c --env B= -m 1g --cpus 2 --no-healthcheck
    services: {none: {image: y, options: , volumes: }}"""
    job = rewritten(_job(more=asked))[0]["workflow.yml"]["jobs"]["a"]
    assert job["container"]["volumes"] == ["cache:/var/cache", "data:/d:ro", "/scratch"]
    assert shlex.split(job["container"]["options"]) == [
        "--health-cmd=pg_isready -U 'me'",
        *("--health-retries=5", "--env=A=b=c", "--env=B=", "--memory=1g", "--cpus=2", "--no-healthcheck"),
        *("--label", "l=1"),
    ]
    assert job["services"]["none"]["options"] == "--label l=1"


def test_the_users_own_actions_may_be_named_by_the_short_form(rewritten: Any) -> None:
    files, _ = rewritten(_job().replace("run: 'true'", "uses: $/actions/mine"))
    assert files["workflow.yml"]["jobs"]["a"]["steps"] == [{"uses": "./actions/mine"}]


def test_every_ref_and_spelling_of_ours_is_this_checkout(root: Path, tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "checkout", root)
    text = (
        "uses: zekt-dev-org/zekt-action@v0\nuses: Zekt-Dev-Org/zekt-action/confirm@main # x\n{uses: o/zekt-action@v0}"
    )
    assert checkout.overrides("uses: actions/checkout@v4") == []
    assert not checkout.path.samefile(root)
    found = {each.rpartition("=")[0] for each in checkout.overrides(text)}
    assert found == {
        "zekt-dev-org/zekt-action@v0",
        "Zekt-Dev-Org/zekt-action@main",
        "zekt-dev-org/zekt-action@this-checkout",
    }
    assert (checkout.path / "confirm/action.yml").is_file()
    assert not (checkout.path / "tests").exists()


def test_without_a_checkout_it_is_said_how_to_have_one(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path / "copy", tmp_path)
    with pytest.raises(CannotStart, match=r"not installed from a checkout.*pip install -e"):
        checkout.overrides("uses: zekt-dev-org/zekt-action@v0")
