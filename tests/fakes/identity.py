"""AWS's outbound identity federation, which moto does not know, and the tokens that it signs.

Sources: the API references of GetWebIdentityToken and GetOutboundWebIdentityFederationInfo, recorded:
sts/GetWebIdentityToken (its model) and sts/GetWebIdentityToken JWT/claims-documented, and
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_token_claims.html
"""

import base64
import json
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.iam.responses import IamResponse
from moto.sts.responses import TokenResponse

ISSUER = "https://a1d2b0fd-1177-4468-9351-2f0000000723.tokens.sts.global.api.aws"


# Seconds that a token may live. The code of a refusal is assumed.
SHORTEST, LONGEST = 60, 3600


class Federation:
    """Whether the account's principals may have tokens; a new account's may not."""

    enabled = False


class FederationError(ServiceException):
    """A refusal with a code and a message."""


def web_identity_token(subject: str, audience: str, seconds: int, region: str = "us-east-1") -> str:
    """Return a token with AWS's claims. Its signature is none: who reads it here believes it."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": audience,
        "sub": subject,
        "iat": now,
        "exp": now + seconds,
        "jti": str(uuid.uuid4()),
        # AWS's own claims stand under one whose name is a URL.
        "https://sts.amazonaws.com/": {"aws_account": subject.split(":")[4], "source_region": region},
    }
    header = {"kid": "EC384_0", "typ": "JWT", "alg": "ES384"}
    return f"{_part(header)}.{_part(claims)}.{_part({'signed': 'no'})}"


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _get_web_identity_token(self: TokenResponse) -> ActionResult:
    if not Federation.enabled:
        raise FederationError(
            "OutboundWebIdentityFederationDisabledException",
            "Outbound web identity federation is not enabled for this account.",
        )
    (audience,) = self._get_param("Audience")
    seconds = self._get_int_param("DurationSeconds", 300)
    if not SHORTEST <= seconds <= LONGEST:
        raise FederationError("ValidationError", f"DurationSeconds must be {SHORTEST} to {LONGEST}.")
    assumed = self.backend.get_assumed_role_from_access_key(self.access_key)
    subject = assumed.role_arn if assumed else f"arn:aws:iam::{self.current_account}:user/owner"
    ends = datetime.fromtimestamp(time.time() + seconds, UTC)
    return ActionResult(
        {"WebIdentityToken": web_identity_token(subject, audience, seconds, self.region), "Expiration": ends}
    )


def _get_outbound_web_identity_federation_info(_: IamResponse) -> ActionResult:
    if not Federation.enabled:
        raise FederationError("FeatureDisabled", "Outbound identity federation is disabled.")
    return ActionResult({"IssuerIdentifier": ISSUER, "JwtVendingEnabled": True})


def _enable_outbound_web_identity_federation(_: IamResponse) -> ActionResult:
    if Federation.enabled:
        raise FederationError("FeatureEnabled", "Outbound identity federation is already enabled.")
    Federation.enabled = True
    return ActionResult({"IssuerIdentifier": ISSUER})


def install() -> None:
    """Teach moto the calls."""
    sts: Any = TokenResponse
    iam: Any = IamResponse
    sts.get_web_identity_token = _get_web_identity_token
    iam.get_outbound_web_identity_federation_info = _get_outbound_web_identity_federation_info
    iam.enable_outbound_web_identity_federation = _enable_outbound_web_identity_federation
