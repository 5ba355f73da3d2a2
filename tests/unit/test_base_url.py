"""The URL that a key is sent to: https, or this machine, and nothing beside a place."""

import pytest

from travel_gpt.base_url import safe_base_url


@pytest.mark.parametrize(
    ("url", "taken_as"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com/v1"),
        ("https://api.anthropic.com/v1/", "https://api.anthropic.com/v1"),
        ("https://example.com", "https://example.com"),
        ("https://example.com///", "https://example.com"),
        ("https://example.com:8443/a/b", "https://example.com:8443/a/b"),
        ("HTTPS://example.com/v1", "HTTPS://example.com/v1"),
        ("https://[2001:db8::1]/v1", "https://[2001:db8::1]/v1"),
        ("http://localhost:1234/v1", "http://localhost:1234/v1"),
        ("http://LOCALHOST/v1", "http://LOCALHOST/v1"),
        ("http://127.0.0.1:1234", "http://127.0.0.1:1234"),
        ("http://[::1]:1234/v1", "http://[::1]:1234/v1"),
    ],
)
def test_given_a_safe_url_then_it_is_taken_without_its_last_slash(url: str, taken_as: str) -> None:
    assert safe_base_url(url) == taken_as


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.openai.com",
        "//api.openai.com/v1",
        "/v1",
        "https://",
        "https:///v1",
        "https:api.openai.com",
        "ftp://example.com",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://example.com/v1",
        "http://127.0.0.1.example.com/v1",
        "http://localhost.example.com/v1",
        "http://0.0.0.0/v1",
        "http://169.254.169.254/latest",
        "https://user@example.com/v1",
        "https://user:password@example.com/v1",
        "https://:password@example.com/v1",
        "https://@example.com/v1",
        "http://localhost@example.com/v1",
        "https://example.com/v1?key=1",
        "https://example.com/v1?",
        "https://example.com/v1#part",
        "https://example.com/v1#",
        "https://example.com:port/v1",
        "https://example.com:99999/v1",
        "https://[::1/v1",
        "https://exa mple.com/v1",
        "https://example.com/v1\nHost: other",
        "https://example.com/\tv1",
        "https://example.com/\x00",
        "https://example.com/\u2028",
    ],
)
def test_given_an_unsafe_url_then_it_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(ValueError, match=r"^must be an https:// URL") as refused:
        safe_base_url(url)

    assert "example" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
