"""Finds what is wrong with workflow files, as far as Zekt goes."""

from collections.abc import Collection, Sequence

from zekt_workflows.checks import inputs, receiving, sending, trust, unsafe
from zekt_workflows.findings import Finding, is_ignored
from zekt_workflows.model import Workflow

_CHECKS = (
    unsafe.payload_in_code,
    unsafe.payload_in_condition,
    trust.missing_permission,
    trust.target_send,
    trust.unpinned,
    receiving.complete_condition,
    receiving.complete_status,
    receiving.confirm_first,
    receiving.duplicate_unread,
    receiving.fail_on_error,
    receiving.dispatch_types,
    receiving.run_name,
    sending.payload_size,
    sending.payload_json,
    inputs.unknown_input,
)


def lint(flows: Sequence[Workflow], services: Collection[str] | None = None) -> list[Finding]:
    """What is wrong with the files, in their order, line by line.

    Args:
        flows: the files, each with a path of its own.
        services: the event types of a setup file's services; None where there is none, so that nobody here can
            know who else sends.
    """
    found = [each for flow in flows for check in _CHECKS for each in check(flow)]
    if services is not None:
        found += sending.event_type_unsent(flows, services)
    order = {flow.path: number for number, flow in enumerate(flows)}
    sources = {flow.path: flow.source for flow in flows}
    kept = [each for each in found if not is_ignored(each, sources[each.path])]
    return sorted(kept, key=lambda each: (order[each.path], each.place.line, each.place.column, each.rule.id))
