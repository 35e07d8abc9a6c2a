"""Ids of deliveries and messages: those of one process rise, so that new rows stand together in indexes."""

import uuid_utils


def new_delivery_id() -> str:
    return f"delivery-{uuid_utils.uuid7()}"


def new_event_id() -> str:
    return f"event-{uuid_utils.uuid7()}"
