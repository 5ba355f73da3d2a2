"""The responses for the page and its script."""

import base64
import hashlib
import re
import subprocess
import sys
from typing import Any

import pytest

from tests.conftest import LambdaContext, proxy_event
from travel_gpt.api.page.assets import web_page
from travel_gpt.api.page.static import base_of, page_headers, redirect_to_page, serve_asset, serve_page
from travel_gpt.api.request import Request
from travel_gpt.api.responses import ProxyResponse
from travel_gpt.errors import NotFound
from travel_gpt.local.responses import http_response

APP = "/travel-gpt/app"
ASSET = f"{APP}/assets/{{file}}"


def asked(url_path: str, resource: str = APP, **changes: Any) -> Request:
    context = {"path": url_path, "resourcePath": resource}
    return Request.of(
        proxy_event("get", resource=resource, requestContext=context, **changes), LambdaContext()
    )


def asset(name: str) -> Request:
    return asked(f"/Prod{APP}/assets/{name}", ASSET, pathParameters={"file": name})


@pytest.mark.parametrize(
    ("url_path", "resource", "base"),
    [
        ("/Prod/travel-gpt/app", APP, "/Prod"),
        ("/Prod/travel-gpt/app/", APP, "/Prod"),
        ("/travel-gpt/app", APP, ""),
        ("/travel-gpt/travel-gpt/app", APP, "/travel-gpt"),
        ("/v1/trips/travel-gpt/app/assets/app.0.js", ASSET, "/v1/trips"),
        ("/Prod/travel-gpt/app/api/me", f"{APP}/api/me", "/Prod"),
        ("/Prod/", "/", "/Prod"),
        ("/Prod", "/", "/Prod"),
        ("/", "/", ""),
        ("", "/", ""),
        # Not a path of this site:
        ("//example.com/travel-gpt/app", APP, ""),
        ("//example.com/", "/", ""),
        ("/\\example.com/", "/", ""),
        ('/"><script>/travel-gpt/app', APP, ""),
    ],
)
def test_the_base_is_what_stands_before_the_paths_of_the_api(url_path: str, resource: str, base: str) -> None:
    assert base_of(asked(url_path, resource)) == base


@pytest.mark.parametrize(("url_path", "base"), [("/Prod", "/Prod"), ("/Prod/", "/Prod"), ("/", "")])
def test_the_root_leads_to_the_page(url_path: str, base: str) -> None:
    response = redirect_to_page(asked(url_path, "/"))

    assert response["statusCode"] == 302
    assert response["headers"]["Location"] == f"{base}/travel-gpt/app"
    assert response["headers"]["Cache-Control"] == "no-store"
    assert http_response(response).status == 302


def style_hash(response: ProxyResponse) -> str:
    """Return how a policy names the one style sheet in the HTML (CSP 3, "hash-source")."""
    (style,) = re.findall(r"<style>(.*?)</style>", response["body"], re.DOTALL)
    return f"sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}"


def test_the_page_is_the_html_with_the_headers_that_protect_it() -> None:
    response = serve_page(asked("/Prod/travel-gpt/app"))

    assert response["statusCode"] == 200
    assert response["body"] == web_page().html("/Prod")
    headers = response["headers"]
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Cache-Control"] == "no-cache"
    assert headers["Content-Security-Policy"] == (
        f"default-src 'none'; script-src 'self'; style-src '{style_hash(response)}'; "
        "img-src 'self' data:; connect-src 'self'; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'"
    )
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "camera=()" in headers["Permissions-Policy"]


def test_the_html_has_nothing_that_its_policy_forbids() -> None:
    html = serve_page(asked("/Prod/travel-gpt/app"))["body"]

    assert not re.search(r"<script(?![^>]*\ssrc=)", html)
    assert not re.search(r"\sstyle=|\son[a-z]+=|<base\b|javascript:", html, re.IGNORECASE)
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", html)


def test_the_html_is_the_same_for_everyone() -> None:
    plain = serve_page(asked("/Prod/travel-gpt/app"))
    signed_in = serve_page(
        asked(
            "/Prod/travel-gpt/app",
            headers={"Cookie": "__Host-travel-gpt=value", "Accept-Language": "de", "Host": "example.com"},
            queryStringParameters={"query": "<script>"},
        )
    )

    assert signed_in == plain


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("{tag}", 304),
        ("W/{tag}", 304),
        ('"other", {tag}', 304),
        ('"other"', 200),
        ("", 200),
    ],
)
def test_a_browser_that_has_the_page_is_not_sent_it_again(sent: str, status: int) -> None:
    # Given the tag of the page
    first = serve_page(asked("/Prod/travel-gpt/app"))
    tag = first["headers"]["ETag"]

    # When it comes back
    again = serve_page(asked("/Prod/travel-gpt/app", headers={"if-none-match": sent.format(tag=tag)}))

    # Then there is a body only for another one
    assert again["statusCode"] == status
    assert again["body"] == ("" if status == 304 else first["body"])
    # And the browser's copy keeps its headers
    assert again["headers"] == first["headers"]


def test_the_tag_depends_on_the_base() -> None:
    tags = {serve_page(asked(f"{base}{APP}"))["headers"]["ETag"] for base in ("", "/Prod")}

    assert len(tags) == 2


def test_the_script_is_stored_for_long_under_the_name_of_its_content() -> None:
    # Given the name that the HTML has
    page = web_page()

    # When it is asked for
    response = serve_asset(asset(page.script_name))

    # Then it may be stored
    assert response["statusCode"] == 200
    assert response["body"] == page.script
    assert response["headers"]["Content-Type"] == "text/javascript; charset=utf-8"
    assert response["headers"]["Cache-Control"] == "public, max-age=31536000, immutable"

    # And under the name from before a deployment there is the same, which may not
    response = serve_asset(asset("app.0123456789abcdef.js"))
    assert response["body"] == page.script
    assert response["headers"]["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", ["app.js", "index.html", "..", "", "app.0.js.map", "app.0.css"])
def test_there_are_no_other_files(name: str) -> None:
    with pytest.raises(NotFound):
        serve_asset(asset(name))


def test_no_header_is_one_that_api_gateway_refuses() -> None:
    for response in (serve_page(asked("/Prod/travel-gpt/app")), serve_asset(asset(web_page().script_name))):
        assert dict(http_response(response).headers) == {
            name.lower(): value for name, value in response["headers"].items()
        }


def test_a_static_file_needs_neither_the_model_client_nor_the_guard() -> None:
    # Given what the server for the page imports, in a process of its own
    code = (
        "import sys; from travel_gpt.api.page import static; from travel_gpt.api.page.assets import web_page;"
        "web_page(); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = done.stdout.split()

    # Then it is the page alone
    assert "travel_gpt.api.page.assets" in modules
    heavy = ("openai", "boto3", "botocore", "travel_gpt.guard", "travel_gpt.llm", "travel_gpt.advisor")
    assert not [name for name in modules if name.startswith(heavy)]


def test_the_page_has_every_header_of_its_kind() -> None:
    wanted = page_headers(web_page().style)

    assert set(serve_page(asked("/Prod/travel-gpt/app"))["headers"]) == {*wanted, "ETag"}
