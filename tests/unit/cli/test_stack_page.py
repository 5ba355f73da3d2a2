"""doctor on the web page: what a browser gets, over HTTP, from the code that serves it."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.conftest import LambdaContext, proxy_event
from travel_gpt.api import resources, responses
from travel_gpt.api.page.static import serve_asset, serve_page
from travel_gpt.api.request import Request
from travel_gpt.cli.doctor.check_result import CheckResult, State
from travel_gpt.cli.doctor.stack.deployed import Deployed
from travel_gpt.cli.doctor.stack.page import check_page
from travel_gpt.cli.stack import Stack
from travel_gpt.errors import PageDisabled


class Site:
    """What answers below ``/Prod``.

    Attributes:
        enabled: whether the page is served.
        headers: what something on the way makes of headers, by their names: None takes one out.
        broken: the paths that answer 502, as a regular expression.
        html: what something on the way puts in the place of the HTML, by a part of it.
    """

    def __init__(self) -> None:
        self.url = ""
        self.enabled = True
        self.headers: dict[str, str | None] = {}
        self.broken = ""
        self.html = ("", "")

    def answer(self, path: str, headers: dict[str, str]) -> responses.ProxyResponse:
        """Answer as the function would."""
        event = proxy_event("get", headers=headers, requestContext={"path": path})
        file = path.partition("/assets/")[2]
        request = Request.of(event | {"pathParameters": {"file": file}}, LambdaContext())
        if self.broken and re.search(self.broken, path):
            return {"statusCode": 502, "headers": {}, "body": "", "isBase64Encoded": False}
        if not self.enabled:
            return responses.failed(PageDisabled(), request_id="r")
        found = serve_asset(request) if file else serve_page(request)
        changed = {name: self.headers.get(name, value) for name, value in found["headers"].items()}
        found["headers"] = {name: value for name, value in changed.items() if value is not None}
        found["body"] = found["body"].replace(*self.html) if self.html[0] else found["body"]
        return found

    def deployed(self, web_page: str = "enabled") -> Deployed:
        """The stack that it belongs to."""
        stack = Stack("s", "CREATE_COMPLETE", outputs={"PageUrl": self.url})
        return Deployed(stack, {}, {"Environment": {"Variables": {"WEB_PAGE": web_page}}})


@contextmanager
def served(site: Site) -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = site.answer(self.path, dict(self.headers.items()))
            body = found["body"].encode()
            self.send_response(found["statusCode"])
            for name, value in found["headers"].items():
                self.send_header(name, value)
            if found["statusCode"] != 304:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        site.url = f"http://127.0.0.1:{server.server_port}/Prod{resources.PAGE}"
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    with served(Site()) as made:
        yield made


def said(found: Iterator[CheckResult]) -> list[tuple[str, str]]:
    results = list(found)
    assert all(bool(each.fix) == (each.state is not State.OK) for each in results)
    assert {each.check for each in results} <= {"page"}
    return [(each.state.value, each.says) for each in results]


def test_a_page_as_it_should_be_is_well(site: Site) -> None:
    ((state, says),) = said(check_page(site.deployed()))

    assert state == "ok"
    assert site.url in says


def test_a_page_that_is_turned_off_is_well_while_it_answers_nothing(site: Site) -> None:
    # Given a stack whose page is off, which the function knows
    site.enabled = False
    assert said(check_page(site.deployed("disabled"))) == [("ok", "turned off (WebPage)")]

    # When it answers nevertheless
    site.enabled = True

    # Then that is a problem
    ((state, says),) = said(check_page(site.deployed("disabled")))
    assert state == "problem"
    assert "answered 200" in says


@pytest.mark.parametrize(
    ("header", "value", "expected"),
    [
        ("Content-Security-Policy", None, ("problem", "without Content-Security-Policy")),
        ("Content-Security-Policy", "default-src *", ("warning", "another Content-Security-Policy")),
        ("X-Frame-Options", None, ("problem", "without X-Frame-Options")),
        ("Strict-Transport-Security", None, ("problem", "without Strict-Transport-Security")),
        ("ETag", None, ("warning", "anew each time")),
        ("ETag", '"another"', ("warning", "anew each time")),
    ],
)
def test_a_header_that_something_changed_is_named(
    site: Site, header: str, value: str | None, expected: tuple[str, str]
) -> None:
    site.headers[header] = value

    ((state, says),) = said(check_page(site.deployed()))

    assert state == expected[0]
    assert expected[1] in says


def test_a_script_that_no_browser_stores_is_named(site: Site) -> None:
    site.headers["Cache-Control"] = "no-store"

    found = said(check_page(site.deployed()))

    assert [state for state, _ in found] == ["warning"] * 2
    assert [".js" in says for _, says in found] == [False, True]


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (r"/app$", ["/Prod/travel-gpt/app answered 502"]),
        (r"\.js$", [".js answered 502"]),
    ],
)
def test_what_cannot_be_loaded_is_named(site: Site, broken: str, expected: list[str]) -> None:
    site.broken = broken

    found = said(check_page(site.deployed()))

    assert [state for state, _ in found] == ["problem"]
    assert expected[0] in found[0][1]


def test_html_that_names_no_script_is_named(site: Site) -> None:
    site.html = (".js", ".txt")

    assert said(check_page(site.deployed())) == [("problem", "the page names no script")]


@pytest.mark.parametrize("change", [("<style>", "<style> "), ("<style>", "<style nonce>")])
def test_a_style_sheet_that_the_policy_does_not_allow_is_named(site: Site, change: tuple[str, str]) -> None:
    site.html = change

    ((state, says),) = said(check_page(site.deployed()))

    assert (state, "another Content-Security-Policy" in says) == ("warning", True)


def test_a_file_of_another_type_is_named(site: Site) -> None:
    site.headers["Content-Type"] = "text/html; charset=utf-8"

    ((state, says),) = said(check_page(site.deployed()))

    assert state == "problem"
    assert ".js answered 200 text/html" in says


def test_a_page_that_cannot_be_reached_is_a_problem() -> None:
    with served(Site()) as site:
        pass

    ((state, says),) = said(check_page(site.deployed()))

    assert state == "problem"
    assert "cannot be reached" in says


def test_a_version_without_a_page_has_nothing_to_check(site: Site) -> None:
    older = site.deployed()

    assert not list(check_page(replace(older, stack=Stack("s", "CREATE_COMPLETE"))))
