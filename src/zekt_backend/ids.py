"""Ids of deliveries and messages: of one process, later ones are greater, so that new rows stand together in an index."""

import uuid_utils


def new_delivery_id() -> str:
    return f"delivery-{uuid_utils.uuid7()}"


def new_event_id() -> str:
    return f"event-{uuid_utils.uuid7()}"
