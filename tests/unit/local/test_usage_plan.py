"""The throttle and the quota of the local gateway."""

import pytest

from tests.support.template import TEMPLATE, find, read_template
from travel_gpt.api.resources import PAGE, PAGE_ASK, QUERY, STREAM
from travel_gpt.local.gateway import Gateway
from travel_gpt.local.invocation import HttpRequest
from travel_gpt.local.usage_plan import Throttle, UsagePlan, throttles


class Time:
    """A clock that tests set."""

    at = 1_800_000_000.0

    def __call__(self) -> float:
        return self.at


def test_the_burst_passes_at_once_and_the_rate_refills_it() -> None:
    now = Time()
    plan = UsagePlan(2, 3, 0, now=now)

    assert [plan.refusal("POST", QUERY, "a") for _ in range(4)] == [None, None, None, "THROTTLED"]
    now.at += 0.5
    assert [plan.refusal("POST", QUERY, "b") for _ in range(2)] == [None, "THROTTLED"]
    now.at += 60
    assert [plan.refusal("POST", QUERY, "a") for _ in range(4)] == [None, None, None, "THROTTLED"]


def test_a_clock_that_is_set_back_neither_refuses_for_long_nor_fills_the_bucket() -> None:
    now = Time()
    plan = UsagePlan(1, 1, 0, now=now)
    assert plan.refusal("POST", QUERY, "a") is None

    now.at -= 3600

    assert plan.refusal("POST", QUERY, "a") == "THROTTLED"
    now.at += 1
    assert plan.refusal("POST", QUERY, "a") is None


def test_the_quota_is_that_of_one_key_and_one_day() -> None:
    now = Time()
    plan = UsagePlan(1000, 1000, 2, now=now)

    assert [plan.refusal("POST", QUERY, "a") for _ in range(3)] == [None, None, "QUOTA_EXCEEDED"]
    assert plan.refusal("POST", QUERY, "b") is None
    now.at += 86_400
    assert plan.refusal("POST", QUERY, "a") is None


def test_other_methods_are_not_counted() -> None:
    plan = UsagePlan(1, 1, 1, now=Time())

    assert [plan.refusal("GET", QUERY, "a") for _ in range(5)] == [None] * 5
    assert plan.refusal("POST", QUERY, "a") is None


def test_each_path_has_a_throttle_of_its_own() -> None:
    plan = UsagePlan(1, 1, 0, now=Time())

    assert plan.refusal("POST", QUERY, "a") is None
    assert plan.refusal("POST", PAGE_ASK, "") is None
    assert plan.refusal("POST", STREAM, "a") is None
    assert plan.refusal("POST", PAGE_ASK, "") == "THROTTLED"
    # And the page lets visitors in by the dozen.
    assert [plan.refusal("GET", PAGE, "") for _ in range(101)] == [*[None] * 100, "THROTTLED"]


@pytest.mark.skipif(not TEMPLATE.exists(), reason="there is no template.yaml here")
def test_the_throttles_are_those_of_the_template() -> None:
    # Given the template's settings of the stage
    settings = {
        (each["HttpMethod"], each["ResourcePath"].replace("~1", "/").replace("//", "/")): each
        for each in find(read_template(), "MethodSettings")
    }
    # When what is not counted here is left out: health checks, and methods that get 405
    del settings["*", "/*"], settings["GET", QUERY]
    # Then the others are the same
    assert throttles(Throttle(5, 10)) == {
        name: Throttle(_number(each["ThrottlingRateLimit"]), _number(each["ThrottlingBurstLimit"]))
        for name, each in settings.items()
    }


def _number(given: object) -> int:
    # What holds while the page is enabled comes first.
    shown = str(given[1] if isinstance(given, list) else given)
    return {"ThrottleRate": 5, "ThrottleBurst": 10}.get(shown) or int(shown)


def test_the_gateway_counts_no_request_with_an_unknown_key() -> None:
    plan = UsagePlan(1, 1, 1, now=Time())
    gateway = Gateway(lambda *_: {"statusCode": 200}, api_keys={"right": "id"}, usage=plan)

    def status(key: str) -> int:
        headers = [("Host", "localhost"), ("x-api-key", key)]
        sent = HttpRequest("POST", "/Prod/travel-gpt", "", headers, b"{}", "127.0.0.1", 3000)
        return gateway.answer(sent).response.status

    assert [status("wrong"), status("wrong"), status("right"), status("right")] == [403, 403, 200, 429]
