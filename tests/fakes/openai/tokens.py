"""OpenAI's token exchange: a token signed elsewhere for one of OpenAI's, if a mapping says so.

Sources: https://developers.openai.com/api/reference/workload-identity-federation, and of mappings the guide
https://developers.openai.com/api/docs/guides/workload-identity-federation: there is one for each pair of a
provider and a service account. That it can hold for several subjects, by an attribute transformation of the
provider such as ``assertion.sub in [...]``, follows from the operators of CEL, which the guide allows.
"""

import base64
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PATH = "/oauth/token"
AUDIENCE = "https://api.openai.com/v1"
LASTS_AT_MOST = 3600


@dataclass
class TokenExchange:
    """What an organization's owner configures, and the tokens that were given.

    Attributes:
        issuers: the trusted issuer of each identity provider, by its id.
        mappings: the subjects that may act for a service account, by provider id and service account id.
        given: the access tokens given so far, newest last, each with the moment of its end.
        broken: a status to answer with instead, or 0.
        requests: what was asked, as it came.
    """

    issuers: dict[str, str] = field(default_factory=dict)
    mappings: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    given: dict[str, float] = field(default_factory=dict)
    broken: int = 0
    requests: list[dict[str, Any]] = field(default_factory=list)

    def trust(self, provider: str, issuer: str, account: str, *subjects: str) -> None:
        """Configure a provider with one mapping, which takes the place of that pair's mapping before."""
        self.issuers[provider] = issuer
        self.mappings[provider, account] = subjects

    def good(self, token: str) -> bool:
        """Tell whether an access token is one of these and has not ended."""
        return self.given.get(token, 0.0) > time.time()

    def revoke(self) -> None:
        """End every token that was given."""
        self.given.clear()

    def answer(self, asked: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Exchange a token.

        Returns:
            The status and the body.
        """
        self.requests.append(dict(asked))
        if self.broken:
            return self.broken, {"error": "server_error", "error_description": "Scripted."}
        provider, account = asked.get("identity_provider_id"), asked.get("service_account_id")
        claims = claims_of(str(asked.get("subject_token", "")))
        if asked.get("grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange" or not claims:
            return 400, _refusal("invalid_request", asked)
        if (
            claims["iss"] != self.issuers.get(str(provider))
            or claims["aud"] != AUDIENCE
            or claims["exp"] <= time.time()
        ):
            return 401, _refusal("invalid_subject_token", asked)
        if claims["sub"] not in self.mappings.get((str(provider), str(account)), ()):
            return 403, _refusal("access_denied", asked)
        token, lasts = f"oai-at-{secrets.token_urlsafe(32)}", min(LASTS_AT_MOST, claims["exp"] - time.time())
        self.given[token] = time.time() + lasts
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": int(lasts)}


def _refusal(code: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    # As unfriendly as a server may be: it quotes the token.
    return {"error": code, "error_description": f"{asked.get('subject_token')} is not accepted"}


def claims_of(token: str) -> dict[str, Any]:
    """Read the claims of a token; none where it is not one."""
    try:
        middle = token.split(".")[1]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims
