"""Several sources, asked in their order."""

import pytest

from tests.unit.doubles import FIRST, SECOND, ScriptedSource, Step, soon
from travel_gpt.credentials.cache_entry import DOUBTFUL_TTL
from travel_gpt.credentials.secret import Credential
from travel_gpt.credentials.session import CredentialSession
from travel_gpt.credentials.sources.selection import SourceChain
from travel_gpt.errors import (
    AccessDenied,
    CredentialError,
    CredentialsUnavailable,
    InvalidSecret,
    Misconfigured,
    SecretDeleted,
    SecretNotFound,
)


class NamedSource(ScriptedSource):
    """A scripted source with a name of its own, and a version before."""

    def __init__(self, name: str, *script: Step) -> None:
        super().__init__(*script)
        self.name = name

    def previous(self) -> Credential | None:
        return SECOND if self.name == "b" else None


def chain(first: Step, second: Step = SECOND) -> tuple[SourceChain, NamedSource, NamedSource]:
    a, b = NamedSource("a", first), NamedSource("b", second)
    return SourceChain([a, b]), a, b


def test_given_a_first_source_that_has_it_then_no_other_is_asked() -> None:
    sources, _, second = chain(FIRST)

    assert (sources.fetch(), second.fetches, sources.name) == (FIRST, 0, "a, b")


@pytest.mark.parametrize("failure", [SecretNotFound("none"), CredentialsUnavailable("away")])
def test_given_a_source_without_it_or_out_of_reach_then_the_next_gives_it_with_a_warning(
    failure: CredentialError,
) -> None:
    sources, _, _ = chain(failure)

    found = sources.fetch()

    assert found == SECOND
    assert found.skipped_sources == (f"a: {failure.code}",)
    assert sources.previous() == SECOND


@pytest.mark.parametrize(
    "failure", [AccessDenied("no"), InvalidSecret("?"), Misconfigured("!"), SecretDeleted("meant")]
)
def test_given_a_source_that_refuses_then_no_other_is_asked(failure: CredentialError) -> None:
    sources, _, second = chain(failure)

    with pytest.raises(type(failure)):
        sources.fetch()
    assert second.fetches == 0


@pytest.mark.parametrize(
    ("first", "second", "reported"),
    [
        (SecretNotFound("1"), SecretNotFound("2"), "1"),
        (SecretNotFound("1"), CredentialsUnavailable("2"), "2"),
        (CredentialsUnavailable("1"), SecretNotFound("2"), "1"),
    ],
)
def test_given_no_source_that_has_it_then_the_one_out_of_reach_is_the_reason(
    first: CredentialError, second: CredentialError, reported: str
) -> None:
    sources, _, _ = chain(first, second)

    with pytest.raises(CredentialError) as failed:
        sources.fetch()
    assert failed.value.detail == reported


def test_given_a_skipped_source_then_health_warns_and_it_is_asked_again_soon() -> None:
    sources, first, _ = chain(CredentialsUnavailable("away"))
    moment = [1_795_176_000.0]
    cache = CredentialSession(sources, ttl=300, max_stale=0, now=lambda: moment[0])
    assert cache.current(soon()) == SECOND
    assert cache.warnings() == ["a source was skipped: a: credentials_unavailable"]
    assert cache.source_name == "scripted"

    first.will(FIRST)
    moment[0] += DOUBTFUL_TTL
    assert (cache.current(soon()), cache.warnings()) == (FIRST, [])
