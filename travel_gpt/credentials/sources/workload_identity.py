"""No key: the function's role authenticates at OpenAI with a token that AWS signs.

The role asks STS for the token, the OpenAI SDK exchanges it for an access token of a few minutes, and no
secret is kept anywhere.

Sources: https://developers.openai.com/api/docs/guides/workload-identity-federation/aws and
https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html
"""

from typing import TYPE_CHECKING, Final

from travel_gpt.aws.clients import make_client
from travel_gpt.aws.failures import AwsFailure, as_credential_errors
from travel_gpt.credentials.secret import NO_KEY, Credential, WorkloadIdentity
from travel_gpt.errors import AccessDenied, CredentialError, CredentialsUnavailable, Misconfigured
from travel_gpt.redaction import guard

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

AUDIENCE: Final = "https://api.openai.com/v1"
"""Whom the token is for; the role's policy allows no other."""

LASTS: Final = 300
"""Seconds that the token is valid; the role's policy allows no more. OpenAI's own token ends with it."""

_NOT_ENABLED: Final = (
    "Outbound web identity federation is off in this AWS account. The owner turns it on "
    "with the AWS CLI or in AWS CloudShell: aws iam enable-outbound-web-identity-federation"
)

_NOT_ALLOWED: Final = (
    "The function's role may not ask AWS for the token that OpenAI wants. Its owner should check the role's "
    "policy: it needs sts:GetWebIdentityToken."
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
        """Request a token of AWS for this role, and return its identity.

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
        with as_credential_errors("STS", "sign a token for OpenAI", _meaning):
            if self._client is None:
                # The client of a region calls that region's endpoint, which it must: the global one does not
                # know this call (recorded: sts/GetWebIdentityToken/not-on-global-endpoint).
                self._client = make_client("sts")
            token = self._client.get_web_identity_token(
                Audience=[AUDIENCE], SigningAlgorithm="ES384", DurationSeconds=LASTS
            )["WebIdentityToken"]
        guard(token)
        return token


def _meaning(failure: AwsFailure) -> CredentialError | None:
    if failure.code.startswith("OutboundWebIdentityFederationDisabled"):
        return Misconfigured(f"STS refused a token: {failure.message}", message=_NOT_ENABLED)
    if failure.code.startswith("SessionDurationEscalation"):
        # The role's own credentials are about to end; Lambda is about to renew them.
        return CredentialsUnavailable(
            f"STS gives no token that outlives the role's session: {failure.message}"
        )
    if not failure.code or failure.retryable:
        return None
    return AccessDenied(f"STS refused a token ({failure.code}): {failure.message}", message=_NOT_ALLOWED)
