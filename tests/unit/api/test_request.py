"""From API Gateway's event to a query: what is taken, and what each refusal says."""

import base64
import json
import re
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

import travel_gpt
from tests.conftest import LambdaContext, proxy_event
from tests.support.clock import Clock
from travel_gpt.advisor.constraints import Budget, Constraints
from travel_gpt.advisor.question import Question
from travel_gpt.api.request import (
    MAX_BODY_BYTES,
    MAX_QUERY_CHARACTERS,
    VISIBLE,
    Request,
    Verify,
    read_question,
    read_verify,
)
from travel_gpt.errors import (
    InvalidConstraint,
    InvalidJson,
    InvalidParameter,
    InvalidQuery,
    PayloadTooLarge,
    RequestError,
    UnsupportedMediaType,
)
from travel_gpt.guard.callers import Caller

JSON = {"content-type": "application/json"}


def post(body: object, *, base64_encoded: bool = False, headers: Any = JSON) -> dict[str, Any]:
    return {"headers": headers, "body": body, "isBase64Encoded": base64_encoded}


def question_of(event: dict[str, Any], now: Callable[[], float] = time.time) -> Question:
    return read_question(Request.of(event, LambdaContext()), now)


def query_of(event: dict[str, Any]) -> str:
    return question_of(event).query


def verify_of(event: dict[str, Any]) -> Verify:
    return read_verify(Request.of(event, LambdaContext()))


def in_base64(raw: bytes) -> dict[str, Any]:
    return post(base64.b64encode(raw).decode(), base64_encoded=True)


def asking(query: object, **dumps: Any) -> dict[str, Any]:
    return post(json.dumps({"query": query}, **dumps))


def test_a_request_is_what_api_gateway_passed_on() -> None:
    event = proxy_event("post", requestContext={"requestTimeEpoch": int(time.time() * 1000) - 8_000})
    request = Request.of(event, LambdaContext())

    assert (request.method, request.path) == ("POST", "/travel-gpt")
    assert request.headers["content-type"] == "application/json"
    assert (request.body, request.is_base64) == (event["body"], False)
    identity = event["requestContext"]["identity"]
    assert request.caller == Caller(address=identity["sourceIp"], key_id=identity["apiKeyId"])
    assert identity["sourceIp"] != "" != identity["apiKeyId"]
    assert request.id == event["requestContext"]["requestId"] != request.invocation_id
    assert request.invocation_id == LambdaContext().aws_request_id
    assert request.deadline.left() == pytest.approx(20, abs=0.5), "28 s after API Gateway took it"


def test_the_end_of_the_invocation_may_come_first() -> None:
    assert 4 < Request.of(proxy_event("get"), LambdaContext(5_000)).deadline.left() <= 4.5


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"requestContext": None, "headers": None, "queryStringParameters": None, "body": None},
        {"requestContext": "x", "headers": [], "multiValueQueryStringParameters": {"verify": []}},
        {"multiValueQueryStringParameters": {"verify": 1}},
        {"requestContext": {"identity": None, "requestId": None, "requestTimeEpoch": "x"}},
    ],
)
def test_an_event_may_lack_every_part(event: dict[str, Any]) -> None:
    request = Request.of(event, LambdaContext())

    assert (request.method, request.path, request.body, request.caller) == ("", "", "", Caller())
    assert (request.headers, request.query, request.id) == ({}, {}, LambdaContext().aws_request_id)
    assert 29 < request.deadline.left() < 30


@pytest.mark.parametrize("identity", [None, {}, {"apiKeyId": None}, {"apiKeyId": ""}, {"apiKey": "EXAMPLE"}])
def test_a_key_that_api_gateway_did_not_authenticate_names_no_caller(identity: object) -> None:
    # What the caller sent is not verified: only the id says that API Gateway knows the key.
    event = {"requestContext": {"identity": identity}, "headers": {"x-api-key": "EXAMPLE"}}

    assert Request.of(event, LambdaContext()).caller.key_id == ""


def test_what_the_caller_wrote_is_not_printed() -> None:
    event = post("EXAMPLEbody", headers={"x-api-key": "EXAMPLEkey"})
    event |= {"queryStringParameters": {"verify": "EXAMPLEvalue"}}

    assert "EXAMPLE" not in repr(Request.of(event, LambdaContext()))


def test_nothing_else_reads_the_event() -> None:
    # travel_gpt/local makes events, as API Gateway does.
    package = Path(travel_gpt.__file__).parent
    sources = {path.relative_to(package): path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    fields = ('"requestContext"', '"httpMethod"', '"queryStringParameters"', '"isBase64Encoded"')
    readers = {path for path, text in sources.items() if any(name in text for name in fields)}

    assert {path for path in readers if path.parts[0] != "local"} == {Path("api/request.py")}


def test_the_events_of_the_repository_are_read() -> None:
    assert query_of(proxy_event("post")) == json.loads(proxy_event("post")["body"])["query"].strip()
    assert query_of(proxy_event("post-base64")).startswith("京都")
    with pytest.raises(InvalidJson):
        query_of(proxy_event("post-not-json"))


@pytest.mark.parametrize(
    ("query", "read_as"),
    [
        ("Lisbon?", "Lisbon?"),
        ("x", "x"),
        ("  Lisbon?\n\t", "Lisbon?"),
        ("\u3000東京\u3000", "東京"),
        ("a\u0000b", "a\u0000b"),
        ("line\nbreak", "line\nbreak"),
        ('"}, {"query": "other', '"}, {"query": "other'),
    ],
)
def test_given_a_query_then_it_comes_back_trimmed(query: str, read_as: str) -> None:
    assert query_of(asking(query)) == read_as


ANY_SCRIPT = [
    "Où manger à Lyon ?",
    "東京で三日間",
    "ثلاثة أيام في القاهرة",
    "שלושה ימים בתל אביב",
    "เที่ยวเชียงใหม่สามวัน",
    "तीन दिन जयपुर में",
    "Три дня в Ереване",
    "Ελλάδα τον Μάιο",
    "🏖️👨‍👩‍👧‍👦 in 🇵🇹?",
    "Z͑ͫ̓ͪ̂a͊l͔g͆o",
    "\U00020000\U0010fffd",
]


@pytest.mark.parametrize("query", ANY_SCRIPT)
@pytest.mark.parametrize("escaped", [True, False])
@pytest.mark.parametrize("form", ["text", "base64", "base64-bom"])
def test_given_any_script_in_any_form_then_the_query_arrives_whole(
    query: str, form: str, escaped: bool
) -> None:
    body = json.dumps({"query": query}, ensure_ascii=escaped)
    event = {
        "text": lambda: post(body),
        "base64": lambda: in_base64(body.encode()),
        "base64-bom": lambda: in_base64(b"\xef\xbb\xbf" + body.encode()),
    }[form]()

    assert query_of(event) == query


@pytest.mark.parametrize(
    "body",
    [
        '\n {"query" : "Rome"} \n',
        '\ufeff{"query": "Rome"}',
        '{"query": "Rome", "query_id": 7, "other": [1, {"a": null}]}',
        '{"query": "Paris", "query": "Rome"}',
        '{"query": "Rome", "number": ' + "9" * 4000 + "}",
        '{"query": "Rome", "number": 1e999}',
        '{"query": "Rome", "deep": ' + "[" * 100 + "]" * 100 + "}",
    ],
)
def test_given_more_json_than_the_query_then_only_the_query_counts(body: str) -> None:
    assert query_of(post(body)) == "Rome"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("{", id="cut"),
        pytest.param("query=Rome", id="form"),
        pytest.param("<query>Rome</query>", id="xml"),
        pytest.param("Rome", id="words"),
        pytest.param("{'query': 'Rome'}", id="single-quotes"),
        pytest.param('{"query": "Rome",}', id="trailing-comma"),
        pytest.param('{"query": "Rome"} {"query": "Paris"}', id="two-documents"),
        pytest.param('{"query": "Ro\nme"}', id="raw-line-break"),
        pytest.param('{"query": "Rome"}\x00', id="nul"),
        pytest.param('{"query": "Rome", "n": NaN}', id="NaN"),
        pytest.param('{"query": NaN}', id="NaN-query"),
        pytest.param('{"query": "Rome", "n": Infinity}', id="Infinity"),
        pytest.param('{"query": "Rome", "n": -Infinity}', id="-Infinity"),
        pytest.param('{"query": "Rome", "n": ' + "9" * 5000 + "}", id="huge-integer"),
        pytest.param('{"query": "Rome", "n": -' + "9" * 5000 + "}", id="huge-negative"),
        pytest.param("[" * 30_000, id="deep-open"),
        pytest.param("[" * 15_000 + "]" * 15_000, id="deep-arrays"),
        pytest.param("[]", id="array"),
        pytest.param('["query"]', id="array-of-text"),
        pytest.param('"Rome"', id="text"),
        pytest.param("7", id="number"),
        pytest.param("true", id="boolean"),
        pytest.param("null", id="null"),
        pytest.param('{"query": "Rome \ud83c"}', id="raw-lone-surrogate"),
        pytest.param('\ufeff\ufeff{"query": "Rome"}', id="two-boms"),
        pytest.param("\ufeff", id="bom-alone"),
    ],
)
def test_given_a_body_that_is_no_json_object_then_it_is_invalid_json_with_an_example(body: str) -> None:
    with pytest.raises(InvalidJson) as refused:
        query_of(post(body))

    assert '{"query": "Three days in Lisbon in May?"}' in refused.value.message
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("depth", [500, 3_000])
def test_given_objects_inside_objects_then_it_is_a_400_however_deep_python_reads(depth: int) -> None:
    with pytest.raises((InvalidJson, InvalidQuery)):
        query_of(post('{"query":' * depth + "1" + "}" * depth))


@pytest.mark.parametrize(
    "raw",
    [
        *(b"\xff\xfe{\x00", b'{"query": "\xe9"}', b'{"query": "\xed\xa0\xbc"}', b"\x80"),
        *('{"query": "Rome"}'.encode(encoding) for encoding in ("utf-16", "utf-32", "utf-16-le")),
    ],
)
def test_given_bytes_that_are_not_utf_8_then_they_are_invalid_json(raw: bytes) -> None:
    with pytest.raises(InvalidJson):
        query_of(in_base64(raw))


@pytest.mark.parametrize("body", [None, "", "   ", "\r\n\t"])
@pytest.mark.parametrize("base64_encoded", [True, False])
def test_given_an_empty_body_then_it_is_called_empty(body: str | None, base64_encoded: bool) -> None:
    event = in_base64((body or "").encode()) if base64_encoded else post(body)

    with pytest.raises(InvalidJson) as refused:
        query_of(event)

    assert refused.value.message.startswith("The body is empty.")
    assert '{"query"' in refused.value.message


@pytest.mark.parametrize("body", ["not base64!", "YQ", "YQ=", "Y Q = =", "YWJj\n", "YWJj*", "é"])
def test_given_a_body_that_is_marked_as_base64_and_is_not_then_it_is_said(body: str) -> None:
    with pytest.raises(InvalidJson, match="marked as base64") as refused:
        query_of(post(body, base64_encoded=True))

    assert refused.value.message == "The body is not base64."


INVISIBLE = [
    "\x00",
    "\x01\x02\x1f",
    "\x7f",
    "\x80\x9f",
    " \x00 ",
    "\u200b",
    "\ufeff",
    "\u2060\u200f",
    "\x00\u3000",
]


@pytest.mark.parametrize(
    ("bodies", "message"),
    [
        pytest.param(
            ["{}", '{"Query": "Rome"}', '{"question": "Rome"}', '{"query": null}'],
            'The JSON object needs a "query", a text of 1 to 4,000 characters.',
            id="none",
        ),
        pytest.param(
            [{"query": query} for query in (0, 7, 1.5, True, False, [], ["Rome"], {}, {"text": "Rome"})],
            '"query" must be a text of 1 to 4,000 characters.',
            id="of-another-type",
        ),
        pytest.param(
            [{"query": query} for query in ("", " ", "\n\t\r", "\u3000\u00a0")],
            '"query" is empty',
            id="empty",
        ),
        pytest.param(
            [{"query": query} for query in ("\ud83c", "Rome \udfd6", "\ud83c Rome", "\udfd6\ud83c")],
            "lone surrogate",
            id="escaped-lone-surrogate",
        ),
        pytest.param([{"query": query} for query in INVISIBLE], "control characters", id="invisible"),
    ],
)
def test_given_no_usable_query_then_it_is_an_invalid_query_and_the_reason_named(
    bodies: list[object], message: str
) -> None:
    for body in bodies:
        with pytest.raises(InvalidQuery) as refused:
            query_of(post(body if isinstance(body, str) else json.dumps(body)))

        assert message in refused.value.message, body
        refused.value.message.encode()


@pytest.mark.parametrize("character", ["x", "é", "東", "🏖"])
def test_a_query_may_have_4000_characters_of_any_width(character: str) -> None:
    assert query_of(asking(character * MAX_QUERY_CHARACTERS, ensure_ascii=False)) == character * 4000
    assert query_of(asking("  " + character * 4000 + "\n", ensure_ascii=False)) == character * 4000


@pytest.mark.parametrize("character", ["x", "é", "東", "🏖"])
def test_given_one_character_more_then_the_query_is_refused_with_its_length(character: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        query_of(asking(character * 4001, ensure_ascii=False))

    assert refused.value.message == '"query" has 4,001 characters; 4,000 is the most.'


def asking_with(**fields: object) -> dict[str, Any]:
    return post(json.dumps({"query": "Rome", **fields}))


def test_a_query_alone_has_no_constraints() -> None:
    bodies: list[dict[str, Any]] = [{}, {"format": "prose"}, {"format": None}, {"pad": "x"}, {"diet": []}]
    for fields in bodies:
        question = question_of(asking_with(**fields))

        assert (question.query, question.format, question.constraints) == ("Rome", "prose", None), fields


def test_the_fields_beside_the_query_are_its_constraints() -> None:
    question = question_of(asking_with(budget={"amount": 9.5, "currency": "chf"}, format="prose"))

    assert question.constraints == Constraints(budget=Budget(amount=9.5, currency="CHF"))


@pytest.mark.parametrize("value", ["itinerarys", "Prose", "", 0, False, [], ["prose"], {"prose": 1}], ids=str)
def test_another_format_is_refused_with_those_there_are(value: object) -> None:
    with pytest.raises(InvalidConstraint) as refused:
        question_of(asking_with(format=value))

    assert refused.value.message.startswith('"format" must be one of prose')


def test_which_dates_can_be_depends_on_the_clock() -> None:
    # 1,795,176,000 is noon of 20 November 2026 (UTC).
    clock, event = Clock(), asking_with(start="2026-11-19")
    read = question_of(event, clock).constraints
    assert read is not None
    assert str(read.start) == "2026-11-19"

    clock.advance(12 * 3600 - 1)
    question_of(event, clock)
    clock.advance(1)
    with pytest.raises(InvalidConstraint, match='"start" must be a date from 2026-11-20'):
        question_of(event, clock)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 4000, "9" * 5000, "NaN", "Infinity"])
@pytest.mark.parametrize("field", ['"nights": %s', '"budget": {"amount": %s, "currency": "EUR"}'])
def test_numbers_that_are_none_are_refused(field: str, number: str) -> None:
    with pytest.raises((InvalidConstraint, InvalidJson)):
        question_of(post('{"query": "Rome", ' + field % number + "}"))


def test_a_query_that_is_wrong_is_refused_before_the_fields_are_read() -> None:
    with pytest.raises(InvalidQuery):
        question_of(post('{"query": "", "nights": -1, "format": "x"}'))


def test_what_a_caller_wrote_is_not_in_the_repr_of_a_question() -> None:
    assert "Rome" not in repr(question_of(asking_with(origin="Rome")))


def padded(size: int, filler: str = " ") -> bytes:
    """Return a body of so many bytes, whatever the width of what fills it."""
    body = json.dumps({"query": "Rome", "pad": ""}).encode()
    wide = filler.encode()
    missing = size - len(body)
    return body[:-2] + wide * (missing // len(wide)) + b"." * (missing % len(wide)) + body[-2:]


@pytest.mark.parametrize("filler", ["x", "é", "東", "🏖"])
@pytest.mark.parametrize("base64_encoded", [True, False])
def test_a_body_may_have_32_kib_counted_in_bytes(filler: str, base64_encoded: bool) -> None:
    def event(size: int) -> dict[str, Any]:
        raw = padded(size, filler)
        assert len(raw) == size
        return in_base64(raw) if base64_encoded else post(raw.decode())

    assert (MAX_BODY_BYTES, query_of(event(32_768))) == (32_768, "Rome")
    with pytest.raises(PayloadTooLarge, match="32769 bytes"):
        query_of(event(32_769))


@pytest.mark.parametrize("size", [65_537, 1_000_000, 6_000_000])
def test_given_far_too_much_base64_then_it_is_refused_without_being_decoded(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base64, "b64decode", lambda *_args, **_kwargs: pytest.fail("decoded"))

    with pytest.raises(PayloadTooLarge, match="about"):
        query_of(post("A" * size, base64_encoded=True))


def test_given_a_body_that_is_too_large_and_no_json_then_its_size_is_what_is_wrong() -> None:
    with pytest.raises(PayloadTooLarge):
        query_of(post("{" * 40_000))


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        "application/json; charset=UTF-8",
        'application/json; charset="utf-8"',
        "application/json ; Charset=utf8 ; version=1",
        "application/json; charset = us-ascii",
        "application/json;",
        "application/vnd.travel+json",
        "application/ld+json; profile=x; charset=utf-8",
        "",
    ],
)
@pytest.mark.parametrize("name", ["Content-Type", "content-type", "CONTENT-TYPE"])
def test_given_json_in_utf_8_by_any_spelling_then_it_is_taken(name: str, content_type: str) -> None:
    assert query_of({**asking("Rome"), "headers": {"accept": "*/*", name: content_type}}) == "Rome"


@pytest.mark.parametrize(
    "headers",
    [
        *(None, {}, {"accept": "text/html"}),
        *({**JSON, "content-encoding": coding} for coding in ("", "identity", " Identity ")),
    ],
)
def test_given_no_content_type_or_no_coding_then_the_body_is_read(headers: dict[str, str] | None) -> None:
    assert query_of({**asking("Rome"), "headers": headers}) == "Rome"


@pytest.mark.parametrize(
    ("name", "values", "says"),
    [
        (
            "Content-Type",
            [
                "application/x-www-form-urlencoded",
                "multipart/form-data; boundary=x",
                "text/plain",
                "text/json",
                "text/html; charset=utf-8",
                "application/xml",
                "application/octet-stream",
                "application/jsonp",
                "application/json+xml",
                "application/+json",
                "json",
                "application/json, text/plain",
                "; charset=utf-8",
                "*/*",
            ],
            "Content-Type: application/json",
        ),
        (
            "Content-Type",
            [
                f"application/json; charset={charset}"
                for charset in ("utf-16", "iso-8859-1", "latin1", '"windows-1252"', "", "utf-8x")
            ],
            "Send the JSON in UTF-8.",
        ),
        ("Content-Encoding", ["gzip", "GZIP", "br", "deflate, gzip", "identity, gzip", "x"], "compression"),
    ],
    ids=["type", "charset", "coding"],
)
def test_given_another_type_charset_or_coding_then_it_is_unsupported_and_the_right_one_is_named(
    name: str, values: list[str], says: str
) -> None:
    for value in values:
        with pytest.raises(UnsupportedMediaType) as refused:
            query_of({**asking("Rome"), "headers": {name: value}})

        assert says in refused.value.message, value


@pytest.mark.parametrize(
    ("asked", "read"),
    [
        (None, Verify.NOTHING),
        ({}, Verify.NOTHING),
        ({"verify": None}, Verify.NOTHING),
        ({"Verify": "true"}, Verify.NOTHING),
        ({"other": "true"}, Verify.NOTHING),
        ({"verify": "false"}, Verify.NOTHING),
        ({"verify": "true"}, Verify.CREDENTIAL),
        ({"verify": "workload-identity"}, Verify.IDENTITY),
    ],
)
def test_given_a_known_value_of_verify_then_it_is_read(asked: dict[str, Any] | None, read: Verify) -> None:
    assert verify_of({"queryStringParameters": asked}) is read


@pytest.mark.parametrize(
    "values",
    [
        *([value] for value in ("", "1", "0", "True", " true", "yes", "truely", "workload", "\x00", "☃")),
        *(["true", "true"], ["false", "true"], ["x", "true"]),
    ],
)
def test_given_another_value_of_verify_or_several_then_it_is_refused_and_the_parameter_named(
    values: list[str],
) -> None:
    # API Gateway puts the last value of a repeated parameter into queryStringParameters.
    event = {
        "queryStringParameters": {"verify": values[-1]},
        "multiValueQueryStringParameters": {"verify": values},
    }
    with pytest.raises(InvalidParameter) as refused:
        verify_of(event)
    assert '"verify" must be true or false' in refused.value.message


@given(st.characters(exclude_categories=["Cs"]))
def test_what_is_visible_to_python_is_visible_to_the_published_pattern(character: str) -> None:
    # The published pattern must not depend on what "\\s" means: ECMA-262 and Python differ in it.
    invisible = unicodedata.category(character) in ("Cc", "Zs", "Zl", "Zp") or character in INVISIBLE
    if invisible:
        assert not re.search(VISIBLE, character)
    elif unicodedata.category(character) != "Cf":
        assert re.search(VISIBLE, character)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    body=st.none() | st.text(max_size=80) | json_values.map(json.dumps),
    base64_encoded=st.booleans(),
    content_type=st.text(max_size=20) | st.just("application/json"),
)
@example(body='{"query": "Rome"}', base64_encoded=False, content_type="application/json")
def test_whatever_a_caller_sends_then_it_is_a_query_or_a_refusal_of_the_contract(
    body: str | None, base64_encoded: bool, content_type: str
) -> None:
    event = post(body, base64_encoded=base64_encoded, headers={"Content-Type": content_type})
    try:
        query = query_of(event)
    except RequestError as refused:
        refused.message.encode()
        return
    assert 1 <= len(query) <= 4000
    assert query == query.strip()
    query.encode()
