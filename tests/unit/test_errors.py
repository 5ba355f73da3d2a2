"""The tree of failures against the contract: which code, which status, and words for a person."""

import inspect
import re

import pytest

from travel_gpt import errors
from travel_gpt.api.responses import status_of
from travel_gpt.errors import (
    HTTP_STATUS,
    CredentialError,
    CredentialsUnavailable,
    InternalError,
    LimitError,
    RequestError,
    TravelGPTError,
    UpstreamError,
    UpstreamRateLimited,
)

# design.md, "The contract": what a POST answers.
CONTRACT = {
    "invalid_json": 400,
    "invalid_query": 400,
    "invalid_constraint": 400,
    "invalid_parameter": 400,
    "invalid_idempotency_key": 400,
    "session_required": 401,
    "session_expired": 401,
    "forbidden": 403,
    "client_disabled": 403,
    "client_expired": 403,
    "origin_refused": 403,
    "invitation_invalid": 403,
    "not_found": 404,
    "page_disabled": 404,
    "method_not_allowed": 405,
    "request_in_progress": 409,
    "streaming_disabled": 409,
    "payload_too_large": 413,
    "unsupported_media_type": 415,
    "content_refused": 422,
    "context_length_exceeded": 422,
    "request_too_large": 422,
    "idempotency_key_reused": 422,
    "rate_limited": 429,
    "budget_exhausted": 429,
    "upstream_rate_limited": 429,
    "internal_error": 500,
    "upstream_error": 502,
    "credential_expired": 503,
    "credential_rejected": 502,
    "model_unavailable": 502,
    "invalid_itinerary": 502,
    "upstream_unreachable": 502,
    "upstream_not_found": 502,
    "upstream_api_unsupported": 502,
    "quota_exhausted": 503,
    "secret_not_found": 503,
    "access_denied": 503,
    "invalid_secret": 503,
    "credentials_unavailable": 503,
    "misconfigured": 503,
    "limits_unavailable": 503,
    "paused": 503,
    "upstream_timeout": 504,
}

BRANCHES = (RequestError, LimitError, CredentialError, UpstreamError)
TREE = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, TravelGPTError) and kind.__module__ == errors.__name__
]
# Those with a code of their own; the others share their parent's.
LEAVES = [kind for kind in TREE if "code" in vars(kind)]

each_leaf = pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: str(kind.__name__))


def test_the_tree_speaks_the_codes_of_the_contract_each_with_its_status() -> None:
    assert {kind.code: HTTP_STATUS[kind] for kind in LEAVES} == CONTRACT
    assert len(LEAVES) == len(CONTRACT), "no two leaves share a code"


def test_the_table_holds_the_leaves_of_the_tree_and_nothing_else() -> None:
    assert set(HTTP_STATUS) == set(LEAVES)


def test_every_leaf_belongs_to_one_branch() -> None:
    for kind in LEAVES:
        if kind is InternalError:
            continue
        branches = [branch for branch in BRANCHES if issubclass(kind, branch)]
        assert len(branches) == 1, kind
        assert kind.__bases__ == (branches[0],)


def test_the_tree_drawn_in_the_module_is_the_tree() -> None:
    drawn = re.findall(r"^    [│ ]*[├└]── (\w+)|^    (TravelGPTError)$", errors.__doc__ or "", re.MULTILINE)

    assert {name for pair in drawn for name in pair if name} == {kind.__name__ for kind in TREE}


@each_leaf
def test_a_failure_speaks_to_a_person(kind: type[TravelGPTError]) -> None:
    assert kind.message[0] in '"ABCDEFGHIJKLMNOPQRSTUVWXYZ'
    # A command at the end stands alone, so that it can be copied whole.
    assert kind.message.endswith((".", "travel-gpt client add NAME"))
    assert kind.advice.endswith(".")
    assert kind.remedy.endswith(".")


@each_leaf
def test_given_no_words_of_its_own_then_a_failure_says_what_its_class_says(
    kind: type[TravelGPTError],
) -> None:
    failure = kind()

    assert (failure.message, str(failure)) == (kind.message, kind.message)
    assert (failure.detail, failure.retry_after) == ("", None)


def test_given_a_detail_and_a_message_then_the_log_and_the_caller_each_get_theirs() -> None:
    failure = CredentialsUnavailable("throttled by AWS", message="Later.", retry_after=3)

    assert str(failure) == "throttled by AWS"
    assert (failure.detail, failure.message, failure.retry_after) == ("throttled by AWS", "Later.", 3)
    assert CredentialsUnavailable.message != "Later.", "the class keeps its own"


def test_given_a_message_alone_then_it_is_the_text_of_the_exception() -> None:
    assert str(CredentialsUnavailable(message="Later.")) == "Later."


@each_leaf
def test_a_failure_raised_again_says_the_same_with_a_traceback_of_its_own(
    kind: type[TravelGPTError],
) -> None:
    with pytest.raises(kind) as first:
        raise kind("detail", message="Message.", retry_after=7)

    again = first.value.again()

    assert type(again) is kind
    assert again is not first.value
    assert again.__traceback__ is None
    assert (again.detail, again.message, again.retry_after) == ("detail", "Message.", 7)


def test_given_a_kind_below_a_leaf_then_it_has_the_leafs_status_and_code() -> None:
    class Slower(UpstreamRateLimited):
        """A finer distinction that the contract does not make."""

    assert (status_of(Slower()), Slower().code) == (429, "upstream_rate_limited")


def test_given_a_kind_that_is_not_in_the_table_then_it_is_an_internal_error() -> None:
    class Unheard(TravelGPTError):
        """A branch of its own."""

        message = "?"

    assert status_of(Unheard()) == 500
