"""OpenTelemetry: the spans of a chain as a collector gets them, over a real socket, from api and worker alike."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from traces.chain import SHOP, Chain, directory, envelope_of, ids_of
from zekt_backend import tracing
from zekt_backend.rules import backoff
from zekt_backend.settings import Settings
from zekt_sandbox.server import SandboxServer
from zekt_testing.broker import Zekt
from zekt_testing.processes import zekt_process


@dataclass
class Collector:
    """Takes OTLP over HTTP."""

    url: str = ""
    spans: list[Any] = field(default_factory=list)
    resources: list[dict[str, str]] = field(default_factory=list)
    came: threading.Condition = field(default_factory=threading.Condition)
    hangs: threading.Event = field(default_factory=threading.Event)
    """Unset, it accepts and answers nothing."""

    def take(self, body: bytes) -> None:
        told = ExportTraceServiceRequest.FromString(body)
        with self.came:
            for resource in told.resource_spans:
                self.resources.append({a.key: a.value.string_value for a in resource.resource.attributes})
                self.spans += [span for scope in resource.scope_spans for span in scope.spans]
            self.came.notify_all()

    def wait_for(self, **counts: int) -> dict[str, list[Any]]:
        """Spans by name, once there are so many of each."""

        def found() -> dict[str, list[Any]]:
            return {name: [span for span in self.spans if span.name == name] for name in counts}

        with self.came:
            enough = self.came.wait_for(lambda: all(len(found()[name]) >= count for name, count in counts.items()), 30)
            assert enough, sorted(span.name for span in self.spans)
            return found()


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()
    found.hangs.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.hangs.wait()
            if self.path == "/v1/traces":
                found.take(body)
            self.send_response(200 if self.path == "/v1/traces" else 404)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield found
        found.hangs.set()
        server.shutdown()
        thread.join(10)


@pytest.fixture
def traced(start: Callable[..., Zekt], collector: Collector, monkeypatch: pytest.MonkeyPatch, request: Any) -> Chain:
    """Another process's worker does the dispatches."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    wanted = directory(rival=False, **getattr(request, "param", {}))
    zekt = start(wanted=wanted, settings={"otlp_endpoint": collector.url}, work=False)
    zekt.also_work()
    return Chain(zekt)


def about(span: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes}


def by(spans: list[Any], **wanted: Any) -> Any:
    (found,) = [span for span in spans if {f"zekt.{k}": v for k, v in wanted.items()}.items() <= about(span).items()]
    return found


def test_a_chain_s_spans_share_one_trace_and_each_hangs_below_what_caused_it(
    traced: Chain, collector: Collector
) -> None:
    ordered, order = traced.order()
    answered, answer = traced.answer(order)
    arrived = traced.run(SHOP, answer)
    assert traced.zekt.confirm(arrived, **ids_of(answer)).ok
    assert traced.zekt.complete(arrived, **ids_of(answer), success=False).ok
    found = collector.wait_for(message=2, event=2, decision=2, dispatch=2, confirm=2, complete=2)
    everything = [span for spans in found.values() for span in spans]
    assert {span.trace_id.hex() for span in everything} == {envelope_of(order)["traceparent"].split("-")[1]}
    assert len({span.span_id for span in everything}) == 12
    above = b""
    for run, dispatch in ((ordered, order), (answered, answer)):
        run_id, delivery_id = str(run.id), ids_of(dispatch)["deliveryId"]
        line = [
            *(by(found[name], correlation_id=run_id) for name in ("message", "event", "decision", "dispatch")),
            *(by(found[name], delivery_id=delivery_id) for name in ("confirm", "complete")),
        ]
        for span in line:
            assert span.parent_span_id == above, span.name
            assert span.start_time_unix_nano <= span.end_time_unix_nano
            above = span.span_id
        sent = by(found["dispatch"], delivery_id=delivery_id)
        assert sent.span_id.hex() == envelope_of(dispatch)["traceparent"].split("-")[2]
        above = sent.span_id
    ends = {about(span)["zekt.status"]: span.status.code for span in found["complete"]}
    assert ends == {"completed": 0, "failed": 2}
    assert {resource["service.name"] for resource in collector.resources} == {"zekt"}
    told = str(everything)
    assert not [word for word in ("webServer", "resourceType", "shop-team", "platform", "order.yml") if word in told]


@pytest.mark.parametrize("traced", [{"hides": True}], indirect=True)
def test_a_hidden_provider_s_dispatch_begins_a_trace(traced: Chain, collector: Collector) -> None:
    _, order = traced.order()
    _, answer = traced.answer(order)
    sent = by(collector.wait_for(dispatch=2)["dispatch"], delivery_id=ids_of(answer)["deliveryId"])
    assert sent.parent_span_id == b""
    assert sent.trace_id.hex() == envelope_of(answer)["traceparent"].split("-")[1]


def test_a_run_whose_end_nobody_hears_of_has_no_span(traced: Chain, collector: Collector) -> None:
    traced.zekt.sql("UPDATE subscriptions SET status = 'revoked'")
    quiet = traced.run()
    traced.end(quiet)
    told = traced.run()
    traced.send(told)
    traced.end(told)
    found = collector.wait_for(message=1, event=1, decision=1)
    assert about(found["decision"][0])["zekt.outcome"] == "blocked"
    assert str(quiet.id) not in str(collector.spans)


def test_each_try_is_a_span_and_what_failed_is_marked(
    traced: Chain, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "LADDER", (timedelta(seconds=0.1),) * 8)
    traced.zekt.github.faults.add(where="dispatch", kind="status", status=502)
    _, order = traced.order()
    found = collector.wait_for(dispatch=2)["dispatch"]
    first, second = (by(found, attempt=number) for number in (1, 2))
    assert (first.status.code, about(first)["zekt.http_status"]) == (2, 502)
    assert second.status.code == 0
    assert first.parent_span_id == second.parent_span_id != b""
    assert second.span_id.hex() == envelope_of(order)["traceparent"].split("-")[2]


def test_a_collector_that_never_answers_holds_up_neither_a_delivery_nor_the_end(
    traced: Chain, collector: Collector
) -> None:
    """The brokers are stopped after this test, and their fixture gives each 30 seconds."""
    collector.hangs.clear()
    for _ in range(3):
        _, order = traced.order()
    traced.zekt.until(ids_of(order)["deliveryId"], "dispatched")
    assert not collector.spans


def test_without_an_address_there_is_no_tracer_at_all() -> None:
    assert type(tracing.start(None)) is tracing.Tracer


_BLOCKED = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter")):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
"""


def test_a_broker_without_the_extra_starts_and_says_so(
    github: SandboxServer, new_database: Callable[[], str], tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(_BLOCKED)
    settings = {
        "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path]),
        "ZEKT_DATABASE_URL": new_database(),
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
    }
    with zekt_process(github, tmp_path, "serve", **settings) as broker:
        broker.said("started")
        assert "pip install '.[backend,otel]'" in broker.said("tracing_off")["why"]
    assert broker.popen.returncode == 0


def test_where_nobody_asks_for_spans_nothing_of_the_sdk_is_loaded() -> None:
    script = "import sys; from zekt_backend import process, tracing; tracing.start(None); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    assert "zekt_backend.tracing" in done.stdout
    assert "opentelemetry.sdk" not in done.stdout
    assert "opentelemetry.exporter" not in done.stdout


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:4318"}, "http://a:4318"),
        ({"ZEKT_OTLP_ENDPOINT": "http://b", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://a"}, "http://b"),
    ],
)
def test_the_address_is_the_usual_variable_s_or_our_own(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], taken: str | None
) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "ZEKT_OTLP_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert Settings.load().otlp_endpoint == taken
