"""A provider's and a consumer's workflow, run by act: what a user writes, in containers, from `uses:` on."""

import json
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.act, pytest.mark.docker, pytest.mark.long]

PROVIDER = """
name: Order
on: push
permissions:
  id-token: write
jobs:
  order:
    runs-on: ubuntu-latest
    steps:
      - run: |
          printf '{"resourceType": "webServer", "size": "large", "region": "westeurope"}' > order.json
      - id: zekt
        uses: zekt-dev-org/zekt-action@v1
        with:
          event-type: infrastructure-order
          payload-file: order.json
          zekt-api-url: BROKER
      - run: test "$STATUS $CONSUMERS $CORRELATION" = "success 1 $GITHUB_RUN_ID"
        env:
          STATUS: ${{ steps.zekt.outputs.status }}
          CONSUMERS: ${{ steps.zekt.outputs.consumers-notified }}
          CORRELATION: ${{ steps.zekt.outputs.correlation-id }}
"""

CONSUMER = """
name: Receive
on:
  repository_dispatch:
    types: [infrastructure-order]
permissions:
  id-token: write
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - id: confirm
        uses: zekt-dev-org/zekt-action/confirm@v1
        with:
          zekt-api-url: BROKER
      - name: Deploy
        run: |
          test "$STATUS $DUPLICATE $ATTEMPT" = "confirmed false 1"
          test "$SIZE" = large
          grep -q '"region": *"westeurope"' "$MESSAGE"
        env:
          STATUS: ${{ steps.confirm.outputs.status }}
          DUPLICATE: ${{ steps.confirm.outputs.duplicate }}
          ATTEMPT: ${{ steps.confirm.outputs.attempt }}
          MESSAGE: ${{ steps.confirm.outputs.payload-path }}
          SIZE: ${{ github.event.client_payload.zekt.payload.size }}
      - id: complete
        if: always()
        uses: zekt-dev-org/zekt-action/complete@v1
        with:
          status: ${{ job.status }}
          result: '{"resourceId": "web-1"}'
          zekt-api-url: BROKER
      - run: test "$STATUS" = completed
        env:
          STATUS: ${{ steps.complete.outputs.status }}
"""


def test_a_delivery_is_sent_confirmed_and_completed_by_two_workflows(broker: Any, act: Callable[..., str]) -> None:
    order = broker.github.start_run("shop-team/orders", workflow=".github/workflows/order.yml")
    act(order, PROVIDER.replace("BROKER", broker.url))
    assert broker.github.dispatches("infra-team/platform") == []

    broker.github.finish_run(order, "success")
    (dispatch,) = broker.github.wait_for_dispatches("infra-team/platform", count=1, timeout=120)
    envelope = dispatch.client_payload["zekt"]
    assert envelope["payload"] == {"resourceType": "webServer", "size": "large", "region": "westeurope"}

    deploy = broker.github.start_run_for(dispatch)
    act(deploy, CONSUMER.replace("BROKER", broker.url))
    delivery = broker.delivery(envelope["deliveryId"])
    assert delivery["status"] == "completed", json.dumps(delivery, indent=2)
    assert [change["to"] for change in delivery["history"]][-2:] == ["confirmed", "completed"]
    assert delivery["result"] == {"resourceId": "web-1"}
