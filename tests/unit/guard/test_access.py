"""Who may POST: callers that API Gateway authenticated, or everyone where the owner says so."""

import pytest

from travel_gpt.errors import Forbidden
from travel_gpt.guard.access import require_access


def test_an_authenticated_caller_may_post() -> None:
    require_access("a1b2c3d4e5", "api-key")


@pytest.mark.parametrize("access", ["api-key", "", "OPEN", "none", "other"])
def test_any_other_caller_is_refused_unless_the_api_is_open(access: str) -> None:
    with pytest.raises(Forbidden, match="without an API key") as refused:
        require_access("", access)

    assert "x-api-key" in refused.value.message


def test_an_open_api_accepts_every_caller() -> None:
    require_access("", "open")
