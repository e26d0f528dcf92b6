"""The schema holds for whatever is sent: made-up requests, seeded, against the whole API."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import checks
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from files.api.openapi import schema_of
from files.api.urls import api
from files.models import Entry, Space
from tests.factories import make_file, make_folder, make_lock, make_tree

from .client import Api

SCHEMA: Final = schemathesis.openapi.from_dict(schema_of(api))
SCHEMA.app = WSGIHandler()
OPERATIONS: Final = [
    result.ok() for result in SCHEMA.get_all_operations() if isinstance(result, Ok)
]
# The doors answer these, in front of what is tried here.
BYTES: Final = ("/api/v1/entries/{entry_id}/content", "/api/v1/folders/{folder_id}/content/{name}")
CHECKS: Final = [
    checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


@pytest.fixture
def kept_connection(db: None) -> Iterator[None]:
    """Keep the connection, which is in the transaction of the test."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def ids(kept_connection: None, root: Entry, space: Space) -> dict[str, Any]:
    """Give what the names in paths can stand for, so that some of what is made up is there."""
    tree = make_tree(root)
    return {
        "space_id": space.pk,
        "folder_id": tree.pk,
        "entry_id": make_file(make_folder(root, "f"), "a").pk,
        "lock_id": make_lock(make_file(root, "locked")).pk,
        "kind": "users",
        "name": "ada",
    }


@pytest.mark.parametrize(
    "operation",
    [one for one in OPERATIONS if one.path not in BYTES],
    ids=lambda one: f"{one.method} {one.path}",
)
def test_the_schema_holds(operation: Any, ids: dict[str, Any], ada: Api) -> None:
    cookie = ada.client.cookies["sessionid"].value

    @seed(1)
    @settings(
        max_examples=12,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def try_one(case: Any) -> None:
        case.path_parameters = {**(case.path_parameters or {}), **known(case, ids)}
        case.call_and_validate(
            base_url="http://localhost", checks=CHECKS, cookies={"sessionid": cookie}
        )

    try_one()


def known(case: Any, ids: dict[str, Any]) -> dict[str, Any]:
    """Give what is there for those names of a path that it has."""
    return {name: value for name, value in ids.items() if name in (case.path_parameters or {})}
