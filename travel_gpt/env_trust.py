"""Where credentials may go when a file ``.env`` names the destination.

The rule: a destination that the file names receives only credentials of the same file. A folder that
somebody else filled could otherwise name a server, and an exported or stored key would be sent there. A
credential that was fetched with one of the file (such as a key in Vault that the file's token opens) counts
as the file's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from travel_gpt.base_url import is_openai
from travel_gpt.credentials.sources.environment import variables_of
from travel_gpt.settings import Settings

GIVEN: Final = "given"
"""The source of a key that the person types or pipes in."""
NO_KEY_NEEDED: Final = "none"
"""The source of the placeholder that is sent to a server which needs no key."""

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
"""The addresses of a local server that no other machine reaches."""

_OF_IDENTITY: Final = ("OPENAI_IDENTITY_PROVIDER_ID", "OPENAI_SERVICE_ACCOUNT_ID")
_USES_AWS: Final = frozenset({"secrets-manager", "workload-identity"})


@dataclass(frozen=True, slots=True)
class Transfer:
    """A credential that is not of the file, and would go where the file says."""

    variable: str
    """The variable of the file that names the destination."""
    destination: str
    """A host, or what else receives it."""
    credential: str
    """What would go there, without its value."""


@dataclass(frozen=True, slots=True)
class EnvTrust:
    """What one file decided.

    Args:
        values: the variables that were taken from the file, by name.
        environ: the environment variables, with those of the file in them.
    """

    values: Mapping[str, str] = field(repr=False)
    environ: Mapping[str, str] = field(repr=False)

    def to_model(self, base_url: str, source: str) -> Iterator[Transfer]:
        """Find what a call to the model's server would send there.

        Args:
            base_url: the server.
            source: the source of the key, such as ``secrets-manager``; ``GIVEN`` for one that is typed,
                ``OPENAI_API_KEY`` for that variable alone.
        """
        variable = "OPENAI_BASE_URL"
        if not self.decides(variable) or is_openai(base_url):
            return
        if base_url.rstrip("/") != self.values[variable].strip().rstrip("/"):
            return
        if credential := self._foreign(source):
            yield Transfer(variable, _host(base_url), credential)

    def to_sources(self, settings: Settings, default: tuple[str, ...] = ()) -> Iterator[Transfer]:
        """Find what fetching the key from its sources would send.

        Args:
            settings: the settings, which name the sources.
            default: the sources without CREDENTIAL_SOURCE; to name them is no change.
        """
        for source in settings.credential_source:
            credential = self._foreign(source)
            if not credential:
                continue
            if self.decides("CREDENTIAL_SOURCE") and settings.credential_source != default:
                yield Transfer("CREDENTIAL_SOURCE", source, credential)
            if source == "vault" and self.decides("VAULT_ADDR"):
                yield Transfer("VAULT_ADDR", _host(settings.vault_addr), credential)
            if source in _USES_AWS:
                yield from self.to_aws()
            if source == "workload-identity":
                for name in filter(self.decides, _OF_IDENTITY):
                    yield Transfer(name, self.values[name], credential)

    def to_aws(self, *, key: str = "") -> Iterator[Transfer]:
        """Find what calls to AWS would send.

        Args:
            key: what to call a key that is to be stored there and is not of the file; empty where none is.
        """
        if self.decides("AWS_ENDPOINT_URL"):
            host = _host(self.values["AWS_ENDPOINT_URL"])
            for credential in filter(None, (self._foreign_aws("your AWS credentials"), key)):
                yield Transfer("AWS_ENDPOINT_URL", host, credential)
        if not key:
            return
        if self.decides("AWS_ACCESS_KEY_ID"):
            yield Transfer("AWS_ACCESS_KEY_ID", "the AWS account of that access key", key)
        if self.decides("AWS_PROFILE"):
            yield Transfer("AWS_PROFILE", f"the AWS account of the profile {self.values['AWS_PROFILE']}", key)
        if self.decides("OPENAI_SECRET_NAME") and self.values["OPENAI_SECRET_NAME"].startswith("arn:"):
            # An ARN may be of another account, whose policy lets everybody write.
            yield Transfer("OPENAI_SECRET_NAME", self.values["OPENAI_SECRET_NAME"], key)

    def to_encrypted_file(self, path: str, key: str) -> Iterator[Transfer]:
        """Find what encrypting a key would give to those who wrote the file ``.env``.

        Under master keys of the file, the key counts as the file's from then on.

        Args:
            path: the encrypted file.
            key: what to call the key.
        """
        for variable in ("TRAVEL_GPT_MASTER_KEYS", "TRAVEL_GPT_MASTER_KEYS_FILE"):
            if self.decides(variable):
                yield Transfer(variable, f"the encrypted file {path}", key)

    def to_network(self, host: str, access: str, source: str) -> Iterator[Transfer]:
        """Find what other machines would get from a local server whose address the file names.

        Args:
            host: the address to serve on.
            access: ``open`` or ``api-key``; with ``api-key`` they have no key to ask with.
            source: the source of the key that pays, as in ``to_model``.
        """
        variable = "HOST"
        if access != "open" or host in LOOPBACK or not self.decides(variable):
            return
        if host == self.values[variable].strip() and (credential := self._foreign(source)):
            yield Transfer(variable, f"other machines ({host})", f"answers at your cost ({credential})")

    def decides(self, variable: str) -> bool:
        """Tell whether a variable has its value of the file, and nothing replaced it since."""
        return variable in self.values and self.environ.get(variable) == self.values[variable]

    def _foreign(self, source: str) -> str:
        """Name a source's credential that is not of the file; empty where it is, or where there is none."""
        match source:
            case "environment":
                return self._exported(
                    "OPENAI_API_KEY", *variables_of(Settings.load(self.environ).secret_name)
                )
            case "vault":
                aws = self.environ.get("VAULT_AUTH", "").strip() == "aws"
                return self._foreign_aws("your AWS identity") if aws else self._exported("VAULT_TOKEN")
            case "encrypted-file":
                # A file of master keys is a stored one, whichever variable names it.
                return self._exported("TRAVEL_GPT_MASTER_KEYS") or (
                    "the key under TRAVEL_GPT_MASTER_KEYS_FILE"
                    if self.environ.get("TRAVEL_GPT_MASTER_KEYS_FILE")
                    else ""
                )
            case "OPENAI_API_KEY":
                return self._exported(source)
            case "given":
                return "the key that you give"
            case "none":
                return ""
            case _:
                return self._foreign_aws("what your AWS credentials open")

    def _foreign_aws(self, called: str) -> str:
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        session = self.environ.get("AWS_SESSION_TOKEN")
        whole = all(map(self.decides, names)) and (not session or self.decides("AWS_SESSION_TOKEN"))
        # Otherwise boto3 looks further: in the home folder, in the role of the machine.
        return "" if whole else called

    def _exported(self, *names: str) -> str:
        # The first that is set is the one that is used.
        used = next((name for name in names if self.environ.get(name, "").strip()), "")
        return "" if not used or self.decides(used) else f"the exported {used}"


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that is no URL"
    return f"{parts.hostname or 'an address that is no URL'}{port}"
