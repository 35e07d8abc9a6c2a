"""The same for the rest of the rules, and the table of all."""

from workflows.cases import (
    COMPLETE,
    CONFIRM,
    FIRST,
    FLOWS,
    IN_CODE,
    IN_CONDITION,
    MESSAGE,
    NOT_IN_CODE,
    PERMISSIONS,
    PIN,
    ZEKT,
    calls,
    consumer,
    steps,
)

SEND = f"zekt-dev-org/zekt-action/send@{PIN}"
ENDS = "with: {status: '${{ job.status }}'}"


def send(payload: str, action: str = ZEKT) -> str:
    return steps("id: make\nrun: x", f"id: sent\nuses: {action}\nwith:\n  event-type: order\n  payload: {payload}")


def complete(condition: str, after: str = ENDS) -> str:
    return consumer(f"uses: {COMPLETE}\n{after}\nif: {condition}")


def later(job: str, step: str) -> str:
    """complete in a job of its own, after the one that works."""
    asked = f"    if: {job}\n" if job else ""
    condition = f"        if: {step}\n" if step else ""
    return (
        f"on: repository_dispatch\njobs:\n  two:\n    needs: one\n{asked}    steps:\n      - uses: {COMPLETE}\n"
        f"{condition}        with: {{status: '${{{{ needs.one.result }}}}'}}\n  one: {{steps: [run: x]}}\n"
    )


RULES: dict[str, list[str]] = {
    "payload-in-code": [*IN_CODE, *NOT_IN_CODE],
    "payload-in-condition": IN_CONDITION,
    "missing-permission": PERMISSIONS,
    "complete-always": [
        consumer(FIRST, f"uses: ¦{COMPLETE}\n{ENDS}"),
        later("¦success()", "always()"),
        later("", "always()").replace("uses: ", "uses: ¦", 1),
        later("always()", "¦failure()"),
        complete("¦success()"),
        complete("¦failure()"),
        consumer(FIRST, f"uses: {COMPLETE}\nif: failure()", f"if: ¦cancelled()\nuses: {COMPLETE}"),
        complete("¦steps.confirm.outputs.delivery-id"),
        complete("¦cancelled()"),
        complete("¦'true'"),
        complete("¦${{ env.X }} != ''"),
        # must not
        consumer(f"uses: {COMPLETE}\n{ENDS}"),
        consumer(FIRST, f"uses: {COMPLETE}", f"if: '!success()'\nuses: {COMPLETE}"),
        later("always()", ""),
        complete("always()"),
        complete("${{ always() }}"),
        complete("always()").replace("    steps:", "    needs: zero\n    steps:\n      - uses: " + CONFIRM),
        complete("always() && steps.confirm.outputs.delivery-id && steps.confirm.outputs.duplicate != 'true'"),
        complete("success() || failure() || cancelled()"),
        complete("(success() || !success()) && env.X"),
        complete('"!cancelled()"'),
        complete("${{ always() }} && x"),
        complete("is no expression ("),
    ],
    "complete-cancelled": [
        complete('¦"!cancelled()"'),
        complete("¦${{ !cancelled() && env.X }}"),
        complete("¦success() || failure()"),
        later("¦'!cancelled()'", "always()"),
        # must not
        complete("always()"),
        complete("success()"),
        consumer(f"uses: {COMPLETE}\n{ENDS}"),
    ],
    "complete-status": [
        complete("always()", "").replace(f"uses: {COMPLETE}", f"uses: ¦{COMPLETE}"),
        complete("always()", "with: {status: ¦success}"),
        complete("always()", "with: {Status: ¦\"${{ 'success' }}\"}"),
        complete("'!success()'", "with: {status: ¦failure}"),
        # must not
        complete("always()"),
        complete("success()", "with: {status: success}"),
        complete("failure()", "with: {status: Failure}"),
        complete("always()", "with: {status: '${{ needs.work.result }}'}"),
        complete("always()", "with: {status: '${{ job.status == ''success'' && ''success'' || ''failure'' }}'}"),
    ],
    "confirm-first": [
        consumer(f"uses: {ZEKT}", f"uses: ¦{CONFIRM}"),
        consumer(f"uses: {COMPLETE}", "run: x", f"uses: ¦{CONFIRM}"),
        # must not
        consumer("uses: actions/checkout@v7", FIRST, f"uses: {ZEKT}", f"uses: {COMPLETE}"),
        consumer(f"uses: {ZEKT}") + f"  two:\n    steps:\n      - uses: {CONFIRM}\n",
    ],
    "payload-size": [
        send("¦${{ toJSON(steps) }}"),
        send("¦${{ toJSON(github.event) }}"),
        send("¦${{ toJSON(github) }}"),
        send("¦${{ toJSON(vars) }}"),
        send("¦${{ steps.make.outputs.json }}"),
        send("'{\"a\": ¦${{ toJSON(needs.x.outputs.y) }}}'"),
        send("¦${{ needs.x.outputs.y }}", f"zekt-dev-org/zekt-action/send@{PIN}"),
        send("¦${{ github.event.issue.body }}"),
        calls("zekt-send.yml", "    with: {payload: '¦${{ needs.x.outputs.y }}'}\n").replace("¦", "", 1),
        # must not
        send("${{ toJSON(inputs) }}"),
        send("${{ toJSON(github.event.inputs) }} ${{ toJSON(github.event.client_payload) }}"),
        send("${{ github.sha }} ${{ env.X }} ${{ steps.make.outcome }} ${{ steps.make.outputs.a == 'b' }}"),
        send("${{ steps.sent.outputs.event-id }} ${{ needs.x.result }}"),
        send("${{ steps.make.outputs.json }}", "other/action@v1"),
        calls("zekt-send.yml", "    with: {payload: '${{ inputs.x }}'}\n").replace("¦", ""),
    ],
    "payload-json": [
        send("¦'{\"a\": }'"),
        send("¦NaN"),
        send('¦\'{"a": 1, "a": 2}\''),
        send("¦yes"),
        send("¦''"),
        send("¦null"),
        send(f"¦'{'[' * 10_000}'"),
        calls("zekt-send.yml", "    with: {payload: ¦hello}\n").replace("¦", "", 1),
        # must not
        send("'{\"a\": 1}'"),
        send("5"),
        send("'\"text\"'"),
        send("'{\"a\": ${{ inputs.a }}'"),
        send("hello", "other/action@v1"),
    ],
    "dispatch-types": [
        steps(f"uses: {CONFIRM}", on="¦repository_dispatch"),
        steps(f"run: echo ${{{{ {MESSAGE} }}}}", on="[push, ¦repository_dispatch]"),
        calls("zekt-receive.yml", on="{¦repository_dispatch: {}}").replace("uses: ¦", "uses: "),
        # must not
        consumer(FIRST),
        steps("run: x", on="repository_dispatch"),
        steps(f"uses: {CONFIRM}"),
    ],
    "target-send": [
        steps(f"uses: {ZEKT}", on="[push, ¦pull_request_target]"),
        f"on:\n  ¦pull_request_target:\njobs: {{a: {{uses: {FLOWS}/zekt-send.yml@{PIN}}}}}",
        # must not
        steps(f"uses: {ZEKT}", on="pull_request"),
        steps("run: x", on="pull_request_target"),
        steps(f"uses: {CONFIRM}", on="pull_request_target"),
    ],
    "unpinned": [
        steps("uses: ¦zekt-dev-org/zekt-action@v0", "uses: ¦zekt-dev-org/zekt-action/complete@main"),
        steps(f"uses: ¦zekt-dev-org/zekt-action/confirm@{PIN[:7]}"),
        f"on: push\njobs: {{a: {{uses: ¦{FLOWS}/zekt-send.yml@v0}}}}",
        # must not
        steps(f"uses: {ZEKT}", "uses: other/action@v1", "uses: $/"),
    ],
    "unknown-input": [
        steps(f"uses: {ZEKT}\nwith:\n  event-type: order\n  ¦zekt_payload: x\n  ¦github_token: x\n  ¦ZEKT_RUN_ID: 1"),
        steps(f"uses: {ZEKT}\nwith: {{event-type: order, ¦zekt_api_url: x, ¦zekt_step_id: x, ¦payload_file: x}}"),
        steps(f"uses: {ZEKT}\nwith: {{event-type: order, ¦orchestrate: true, ¦wait: true}}"),
        consumer(f"uses: {CONFIRM}\nwith: {{¦payload: x, ¦github_token: x}}"),
        consumer(f"uses: {COMPLETE}\nif: always()\nwith:\n  status: success\n  ¦results: x"),
        steps(f"uses: {SEND}\nwith: {{event-type: order, ¦args: x}}"),
        # must not
        steps(f"uses: {ZEKT}\nwith: {{Event-Type: order, PAYLOAD: x, shield: false, args: x, entryPoint: x}}"),
        steps(f"uses: {SEND}\nwith: {{event-type: order, payload-file: x, max-attempts: 1}}"),
        consumer(f"uses: {CONFIRM}\nwith: {{correlation-id: 1, delivery-id: x, audience: x, timeout-seconds: 9}}"),
        steps("uses: other/action@v1\nwith: {zekt_payload: x}", "uses: $/\nwith: {zekt_payload: x}"),
        calls("zekt-send.yml", "    with: {whatever: x}").replace("¦", ""),
    ],
    "duplicate-unread": [
        consumer(f"uses: ¦{CONFIRM}", "run: x"),
        consumer(f"id: c\nuses: ¦{CONFIRM}", "if: steps.confirm.outputs.duplicate\nrun: x"),
        # must not
        consumer(FIRST, "if: steps.confirm.outputs.duplicate != 'true'\nrun: x"),
        consumer(FIRST, "run: x\nenv: {D: '${{ toJSON(steps.confirm.outputs) }}'}"),
        steps(FIRST, job="outputs: {again: '${{ steps.Confirm.outputs.Duplicate }}'}"),
    ],
    "run-name": [
        steps(FIRST, on="{¦repository_dispatch: {types: [order]}}"),
        # must not
        steps(FIRST, on="repository_dispatch", top="run-name: Order"),
        steps("run: x", on="repository_dispatch"),
    ],
    "fail-on-error": [
        consumer(
            FIRST.replace("uses: ", "uses: ¦"), "run: cat $M\nenv: {M: '${{ steps.confirm.outputs.payload-path }}'}"
        ),
        consumer(FIRST.replace("uses: ", "uses: ¦"), "run: echo $M\nenv: {M: '${{ steps.confirm.outputs.payload }}'}"),
        # must not
        consumer(f"{FIRST}\nwith: {{fail-on-error: false}}", "run: cat ${{ steps.confirm.outputs.payload-path }}"),
        consumer(
            FIRST,
            "if: steps.confirm.outputs.error-code == ''\nrun: cat ${{ steps.confirm.outputs.payload-path }}",
        ),
        consumer(FIRST, "run: x"),
    ],
}
"""`event-type-unsent` needs more than one file, and has tests of its own."""
