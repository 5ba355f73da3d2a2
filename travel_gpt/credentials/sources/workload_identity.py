"""No key at all: the function's role proves itself to OpenAI with a token that AWS signs.

The role asks STS for the token, the OpenAI SDK exchanges it for an access token of a few minutes, and no
secret is kept anywhere.

Sources: https://developers.openai.com/api/docs/guides/workload-identity-federation/aws and
https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html
"""

import os
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError as BotoConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)

from travel_gpt.credentials.credential import NO_KEY, Credential, WorkloadIdentity
from travel_gpt.errors import AccessDenied, CredentialError, CredentialsUnavailable, Misconfigured
from travel_gpt.redaction import guard

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

AUDIENCE: Final = "https://api.openai.com/v1"
"""Whom the token is for; the role's policy allows no other."""

LASTS: Final = 300
"""Seconds that the token is good for; the role's policy allows no more. OpenAI's own token ends with it."""

_CONFIG: Final = Config(
    connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 2, "mode": "standard"}
)

_NOT_ENABLED: Final = (
    "Outbound web identity federation is off in this AWS account. The owner turns it on with: "
    "aws iam enable-outbound-web-identity-federation"
)

_NO_AWS: Final = (
    "There are no AWS credentials to prove an identity with. The owner should run this as an AWS role, or "
    "choose another CREDENTIAL_SOURCE."
)


class WorkloadIdentitySource:
    """The identity of the AWS role that this runs as.

    Args:
        provider_id: OpenAI's id of the workload identity provider.
        service_account_id: OpenAI's id of the service account.
    """

    name: Final = "workload-identity"

    def __init__(self, provider_id: str, service_account_id: str) -> None:
        self._provider_id = provider_id
        self._service_account_id = service_account_id
        self._client: STSClient | None = None

    def fetch(self) -> Credential:
        """Make sure that AWS vouches for this role, and return its identity.

        Returns:
            The credential. Whether OpenAI accepts it shows with its first use.

        Raises:
            AccessDenied: the role may not ask for a token.
            Misconfigured: the account or a setting is not set up for it.
            CredentialsUnavailable: STS is throttled, slow, unreachable or failing.
        """
        self._token()
        identity = WorkloadIdentity(self._provider_id, self._service_account_id, self._token)
        return Credential(key=NO_KEY, source=self.name, version=self._service_account_id, identity=identity)

    def previous(self) -> None:
        """Return nothing: an identity has no versions."""
        return

    def _token(self) -> str:
        try:
            token = self._sts().get_web_identity_token(
                Audience=[AUDIENCE], SigningAlgorithm="ES384", DurationSeconds=LASTS
            )["WebIdentityToken"]
        except ClientError as refused:
            raise _meaning_of(refused) from refused
        except (BotoConnectionError, HTTPClientError) as away:
            raise CredentialsUnavailable("STS cannot be reached") from away
        except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError) as missing:
            raise AccessDenied(
                "there are no AWS credentials to prove an identity with", message=_NO_AWS
            ) from missing
        except NoRegionError as missing:
            raise Misconfigured("AWS_REGION is not set", message="AWS_REGION is not set.") from missing
        except (BotoCoreError, ValueError) as wrong:
            raise Misconfigured(
                "boto3 cannot call STS with these settings",
                message="An AWS setting is wrong: check AWS_REGION and AWS_ENDPOINT_URL.",
            ) from wrong
        guard(token)
        return token

    def _sts(self) -> "STSClient":
        if self._client is None:
            # boto3 itself knows AWS_DEFAULT_REGION only. With a region it calls that region's endpoint, which
            # it must: the global one does not know this call.
            region = os.environ.get("AWS_REGION")
            self._client = boto3.client("sts", region_name=region, config=_CONFIG)
        return self._client


def _meaning_of(refused: ClientError) -> CredentialError:
    error = refused.response.get("Error", {})
    code, said = error.get("Code", ""), error.get("Message", "")
    status = refused.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code.startswith("OutboundWebIdentityFederationDisabled"):
        return Misconfigured(f"STS refused a token: {said}", message=_NOT_ENABLED)
    if code in ("Throttling", "ThrottlingException", "RequestLimitExceeded") or status >= 500:
        return CredentialsUnavailable(f"STS failed ({code}): {said}")
    if code.startswith("SessionDurationEscalation"):
        # The role's own credentials are about to end; Lambda is about to renew them.
        return CredentialsUnavailable(f"STS gives no token that outlives the role's session: {said}")
    return AccessDenied(
        f"STS refused a token ({code}): {said}",
        message=(
            "The function's role may not ask AWS for the token that OpenAI wants. Its owner should check the "
            "role's policy: it needs sts:GetWebIdentityToken."
        ),
    )
