#!/usr/bin/env python3
"""A broker, and a stand-in for GitHub, beside the self-test's steps; selftest.yml says what for.

    selftest.py start          both begin, and so does this run, as the stand-in knows it; prints what the steps need
    selftest.py finish N       the run ends, N deliveries are dispatched, and the first one's run begins
    selftest.py check S…       the deliveries must have these statuses, in any order
    selftest.py stop           both end; prints what they logged

Started by a Python that has the broker's packages. A Docker action is in a network of its own, where the machine is the
bridge's gateway, and an action sends its token over plain http to its own machine only: so both are there by https as
well, with a certificate that lives as long as the job.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

CONSUMER = "infra-team/platform"
WORKFLOW = ".github/workflows/selftest.yml"
SECRET = "known to this job alone"  # noqa: S105 - and to everybody who reads this: it opens nothing else
READY_SECONDS = 90
FOLDER = Path(os.environ["RUNNER_TEMP"], "selftest")
STATE = FOLDER / "state.json"
CERTIFICATE = Path(os.environ["GITHUB_WORKSPACE"], "selftest-ca.pem")


def ask(url: str, body: Any = None, *, token: str = "") -> Any:
    """One request, answered in JSON; a body makes it a POST."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {**headers, "Content-Type": "application/json"})  # noqa: S310 - ours
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(request, timeout=60) as answer:
        return json.loads(answer.read() or b"null")


def start() -> dict[str, str]:
    FOLDER.mkdir(parents=True)
    host = _gateway()
    ports = dict(zip(("github", "broker", "github-https", "broker-https"), _free_ports(host), strict=True))
    github, broker = f"http://127.0.0.1:{ports['github']}", f"http://127.0.0.1:{ports['broker']}"
    state: dict[str, Any] = {"github": f"{github}/_sandbox", "broker": broker, "pids": []}
    _spawn(state, "github", _zekt("sandbox", "--port", str(ports["github"])), {})
    told = _until_ready(f"{github}/_sandbox/info")["environment"]
    run = _begin_run(state["github"])
    settings = told | {
        "ZEKT_DATA_DIR": str(FOLDER / "data"),
        "ZEKT_ADMIN_TOKEN": SECRET,
        "ZEKT_WEBHOOK_SECRET": SECRET,
        "ZEKT_PUBLIC_URL": broker,
    }
    (FOLDER / "setup.yaml").write_text(json.dumps(_setup()), encoding="utf-8")
    _run(*_zekt("setup", "apply", str(FOLDER / "setup.yaml")), **settings)
    ask(f"{state['github']}/app-hook", {"url": f"{broker}/api/github/webhooks", "secret": SECRET})
    _spawn(state, "broker", _zekt("serve", "--port", str(ports["broker"])), settings)
    _until_ready(f"{broker}/readyz")
    _make_certificate(host)
    pairs = [f"{ports[f'{name}-https']}:{ports[name]}" for name in ("github", "broker")]
    _spawn(state, "relay", [sys.executable, __file__, "relay", host, *pairs], {})
    _until_listening(host, ports["github-https"], ports["broker-https"])
    url, token = run["ACTIONS_ID_TOKEN_REQUEST_URL"], run["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]
    sys.stderr.write(f"::add-mask::{token}\n")
    return {
        "broker": broker,
        "broker-from-docker": f"https://{host}:{ports['broker-https']}",
        "oidc-url": url,
        "oidc-url-from-docker": url.replace(github, f"https://{host}:{ports['github-https']}"),
        "oidc-token": token,
    }


def _gateway() -> str:
    """The machine's address on the bridge: its first, which an engine does not name that has just made the bridge."""
    (bridge,) = json.loads(_run("docker", "network", "inspect", "bridge"))
    known = bridge["IPAM"]["Config"][0]
    return known.get("Gateway") or str(ipaddress.ip_network(known["Subnet"])[1])


def _begin_run(github: str) -> dict[str, str]:
    """This run, attempt and all, as the token must name it; the webhook is placed after, so that no try is heard of."""
    repository, run = os.environ["GITHUB_REPOSITORY"], int(os.environ["GITHUB_RUN_ID"])
    ask(f"{github}/repositories", {"full_name": repository, "id": int(os.environ["GITHUB_REPOSITORY_ID"])})
    ask(f"{github}/repositories", {"full_name": CONSUMER})
    text = "on: {repository_dispatch: {types: [selftest]}}"
    ask(f"{github}/workflows", {"repository": CONSUMER, "path": ".github/workflows/receive.yml", "text": text})
    begun = {"repository": repository, "workflow": WORKFLOW, "id": run, "name": os.environ["GITHUB_WORKFLOW"]}
    answer = ask(f"{github}/runs", begun)
    for _ in range(int(os.environ["GITHUB_RUN_ATTEMPT"]) - 1):
        ask(f"{github}/runs/{run}/finish", {"conclusion": "failure"})
        answer = ask(f"{github}/runs/{run}/rerun", {})
    found: dict[str, str] = answer["environment"]
    return found


def _setup() -> dict[str, Any]:
    """Who provides and who consumes; JSON is YAML."""
    owner, _, name = os.environ["GITHUB_REPOSITORY"].partition("/")
    service = {"slug": "selftest", "alias": "Self-test", "event-type": "selftest"}
    workflow = {"path": WORKFLOW, "whitelisted": True, "service": service}
    consumer, _, consumes = CONSUMER.partition("/")
    return {
        "accounts": [
            {"login": owner, "repositories": [{"name": name, "workflows": [workflow]}]},
            {"login": consumer, "repositories": [{"name": consumes}]},
        ],
        "subscriptions": [{"service": "selftest", "consumer": CONSUMER, "status": "approved", "durable": True}],
    }


def finish(count: int) -> dict[str, str]:
    state = json.loads(STATE.read_text("utf-8"))
    github = state["github"]
    ask(f"{github}/runs/{os.environ['GITHUB_RUN_ID']}/finish", {"conclusion": "success"})
    found = ask(f"{github}/dispatches?repository={CONSUMER}&count={count}&timeout=60")
    run = ask(f"{github}/runs", {"dispatch": found[0]["id"]})["environment"]
    envelope = found[0]["client_payload"]["zekt"]
    sys.stderr.write(f"::add-mask::{run['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}\n")
    return {
        "delivery-id": envelope["deliveryId"],
        "correlation-id": envelope["correlationId"],
        "oidc-url": run["ACTIONS_ID_TOKEN_REQUEST_URL"],
        "oidc-token": run["ACTIONS_ID_TOKEN_REQUEST_TOKEN"],
    }


def check(statuses: list[str]) -> dict[str, str]:
    state = json.loads(STATE.read_text("utf-8"))
    found = ask(f"{state['broker']}/api/deliveries", token=SECRET)["deliveries"]
    seen = sorted(delivery["status"] for delivery in found)
    if seen != sorted(statuses):
        sys.exit(f"::error title=Self-test::The deliveries are {seen}, and must be {statuses}.")
    return {"statuses": ",".join(seen)}


def stop() -> dict[str, str]:
    state = json.loads(STATE.read_text("utf-8"))
    for pid in reversed(state["pids"]):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    for _ in range(READY_SECONDS * 10):
        if not any(map(_is_alive, state["pids"])):
            break
        time.sleep(0.1)
    for log in sorted(FOLDER.glob("*.log")):
        sys.stderr.write(f"::group::{log.stem}\n{log.read_text('utf-8', 'replace')}\n::endgroup::\n")
    return {}


def _is_alive(pid: int) -> bool:
    """Not where it has ended, though nobody has asked yet how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _zekt(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "zekt_backend.cli", *arguments]


def _run(*command: str, **environment: str) -> str:
    done = subprocess.run(  # noqa: S603 - commands of ours
        command, check=False, capture_output=True, text=True, timeout=300, env={**os.environ, **environment}
    )
    if done.returncode:
        sys.exit(f"::error title=Self-test::{command[:4]} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def _spawn(state: dict[str, Any], name: str, command: list[str], environment: dict[str, str]) -> None:
    """Start what outlives this step, and write down how to end it."""
    with (FOLDER / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - commands of ours
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **environment},
            start_new_session=True,
        )  # fmt: skip
    state["pids"].append(process.pid)
    STATE.write_text(json.dumps(state), encoding="utf-8")


def _until_ready(url: str) -> Any:
    last: Exception | None = None
    for _ in range(READY_SECONDS * 2):
        try:
            return ask(url)
        except (urllib.error.URLError, OSError) as error:
            last = error
            time.sleep(0.5)
    sys.exit(f"::error title=Self-test::{url} does not answer: {last}")


def _until_listening(host: str, *ports: int) -> None:
    for port in ports:
        for _ in range(READY_SECONDS * 2):
            with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
                break
            time.sleep(0.5)
        else:
            sys.exit(f"::error title=Self-test::Nothing listens on {host}:{port}.")


def _free_ports(host: str) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(4)]
        for each, at in zip(sockets, ("127.0.0.1", "127.0.0.1", host, host), strict=True):
            each.bind((at, 0))
        return [each.getsockname()[1] for each in sockets]


def _make_certificate(host: str) -> None:
    extensions = (f"subjectAltName=IP:{host}", "keyUsage=critical,digitalSignature,keyCertSign")
    _run(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
        "-subj", "/CN=selftest", "-keyout", str(FOLDER / "key.pem"), "-out", str(CERTIFICATE),
        *(word for extension in extensions for word in ("-addext", extension)),
    )  # fmt: skip


async def relay(host: str, pairs: list[str]) -> None:
    """Take https at the bridge's gateway, and hand it on as plain http to this machine."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE, FOLDER / "key.pem")

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                sink.write(data)
                await sink.drain()
        sink.close()

    async def listen(at: str, to: str) -> asyncio.Server:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", int(to))
            # The sandbox answers to this machine's names only. One request a connection, so that no other head comes.
            with contextlib.suppress(asyncio.IncompleteReadError):
                first, *lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[:-2]
                kept = [line for line in lines if not line.lower().startswith((b"host:", b"connection:"))]
                named = [f"Host: 127.0.0.1:{to}".encode(), b"Connection: close", b"", b""]
                inner_writer.write(b"\r\n".join([first, *kept, *named]))
            await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

        return await asyncio.start_server(connected, host, int(at), ssl=context)

    servers = [await listen(*pair.split(":")) for pair in pairs]
    await asyncio.gather(*(server.serve_forever() for server in servers))


def main(verb: str, *rest: str) -> None:
    if verb == "relay":
        asyncio.run(relay(rest[0], list(rest[1:])))
        return
    told = {
        "start": start,
        "finish": lambda: finish(int(rest[0])),
        "check": lambda: check(list(rest)),
        "stop": stop,
    }[verb]()
    sys.stdout.write("".join(f"{name}={value}\n" for name, value in told.items()))


if __name__ == "__main__":
    main(*sys.argv[1:])
