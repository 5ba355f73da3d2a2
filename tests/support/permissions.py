"""What a role of a deployed stack may do: clients with its credentials, and the refusals that they get."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from testbed.fake_aws import FakeAws

FAILURE_TTL = 5
"""Seconds: that of travel_gpt.credentials.cache, whose imports the environment of these tests lacks."""


def client_as(aws: FakeAws, role: str, service: str, region: str | None = None, session: str = "test") -> Any:
    """A client with the credentials that a service would get for a role, given by its ARN."""
    return aws.client(service, region, **aws.credentials_of(role, session))


def refused(call: Any, **arguments: Any) -> str:
    """The message of a call that must be refused for want of a permission."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    assert error["Code"] in ("AccessDeniedException", "AccessDenied"), error
    return error["Message"]
