"""Which credentials may be sent to a destination that a file ``.env`` names, and the question before it.

The rule: a destination that the file names receives only credentials of the same file. A folder that
somebody else filled could otherwise name a server, and an exported or stored key would be sent there. A
credential that was fetched with one of the file, such as a key in Vault with the file's token, counts as the
file's. What differs is asked; without a terminal it is refused.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from travel_gpt.base_url import is_openai
from travel_gpt.credentials.sources.environment import variables_of
from travel_gpt.redaction import redact
from travel_gpt.settings import Settings

GIVEN: Final = "given"
"""The source of a key that is typed or piped in."""
NO_KEY_NEEDED: Final = "none"
"""The source of the placeholder for a server that needs no key."""

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
"""The addresses of a local server that other machines cannot reach."""

_OF_IDENTITY: Final = ("OPENAI_IDENTITY_PROVIDER_ID", "OPENAI_SERVICE_ACCOUNT_ID")
_USES_AWS: Final = frozenset({"secrets-manager", "workload-identity"})


@dataclass(frozen=True, slots=True)
class Transfer:
    """A credential that is not of the file, and would be sent to a destination of the file."""

    variable: str
    """The variable of the file that names the destination."""
    destination: str
    """A host, or another recipient."""
    credential: str
    """A description of the credential, without its value."""


@dataclass(frozen=True, slots=True)
class EnvTrust:
    """The destinations and credentials that one file named.

    Args:
        values: the variables that were read from the file, by name.
        environ: the environment variables, including those of the file.
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
            default: the sources without CREDENTIAL_SOURCE; naming them changes nothing.
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
            key: the description of a key that would be stored there and is not of the file, if any.
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
            # An ARN may be of another account, whose policy allows everyone to write.
            yield Transfer("OPENAI_SECRET_NAME", self.values["OPENAI_SECRET_NAME"], key)

    def to_encrypted_file(self, path: str, key: str) -> Iterator[Transfer]:
        """Find what encrypting a key would reveal to the authors of the file ``.env``.

        Under master keys of the file, the key counts as the file's from then on.

        Args:
            path: the encrypted file.
            key: the description of the key.
        """
        for variable in ("TRAVEL_GPT_MASTER_KEYS", "TRAVEL_GPT_MASTER_KEYS_FILE"):
            if self.decides(variable):
                yield Transfer(variable, f"the encrypted file {path}", key)

    def to_network(self, host: str, access: str, source: str) -> Iterator[Transfer]:
        """Find what other machines could use on a local server whose address the file names.

        Args:
            host: the address to serve on.
            access: ``open`` or ``api-key``; with ``api-key`` they have no API key.
            source: the source of the key that pays, as in ``to_model``.
        """
        variable = "HOST"
        if access != "open" or host in LOOPBACK or not self.decides(variable):
            return
        if host == self.values[variable].strip() and (credential := self._foreign(source)):
            yield Transfer(variable, f"other machines ({host})", f"answers at your cost ({credential})")

    def decides(self, variable: str) -> bool:
        """Return whether a variable has its value from the file, and was not replaced since."""
        return variable in self.values and self.environ.get(variable) == self.values[variable]

    def _foreign(self, source: str) -> str:
        """Describe a source's credential that is not of the file; empty if there is none."""
        match source:
            case "environment":
                return self._exported(
                    "OPENAI_API_KEY", *variables_of(Settings.load(self.environ).secret_name)
                )
            case "vault":
                aws = self.environ.get("VAULT_AUTH", "").strip() == "aws"
                return self._foreign_aws("your AWS identity") if aws else self._exported("VAULT_TOKEN")
            case "encrypted-file":
                # Master keys in a file are not of the file ``.env``, even if that names their file.
                return self._exported("TRAVEL_GPT_MASTER_KEYS") or (
                    "the key under TRAVEL_GPT_MASTER_KEYS_FILE"
                    if self.environ.get("TRAVEL_GPT_MASTER_KEYS_FILE")
                    else ""
                )
            case "OPENAI_API_KEY":
                return self._exported(source)
            case "given":
                return "the key that you enter"
            case "none":
                return ""
            case _:
                return self._foreign_aws("what your AWS credentials give access to")

    def _foreign_aws(self, called: str) -> str:
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        session = self.environ.get("AWS_SESSION_TOKEN")
        whole = all(map(self.decides, names)) and (not session or self.decides("AWS_SESSION_TOKEN"))
        # Otherwise boto3 searches further: the home folder, the role of the machine.
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
        return "an address that is not a URL"
    return f"{parts.hostname or 'an address that is not a URL'}{port}"


class NotAllowed(Exception):
    """The user did not allow it, or could not be asked; the text names the file, the host and the fix."""


class Consent:
    """What the user allowed in this process.

    Args:
        path: the file.
        trust: which destinations it named.
    """

    def __init__(self, path: Path, trust: EnvTrust) -> None:
        self.trust = trust
        self._path = path
        self._allowed: set[Transfer] = set()

    def require(self, transfers: Iterable[Transfer]) -> None:
        """Ask the user to allow what would be sent.

        Args:
            transfers: what would be sent where; without any there is no question.

        Raises:
            NotAllowed: the answer is no, or there is no terminal.
        """
        asked = [each for each in dict.fromkeys(transfers) if each not in self._allowed]
        if not asked:
            return
        says = "\n".join(
            f"  {each.variable}: {each.destination} would receive {each.credential}." for each in asked
        )
        opening = f"The file {self._path} names where your credentials would be sent:"
        opening, says = _plain(opening), _plain(says)
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise NotAllowed(f"{opening}\n{says}\n{_remedy(asked)}")
        sys.stderr.write(f"{opening}\n{says}\nGo on? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise NotAllowed(_remedy(asked))
        self._allowed.update(asked)


def _plain(text: str) -> str:
    # A value of the file must not overwrite the question on the terminal, or show a misplaced key.
    return redact("".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in text))


def _remedy(transfers: Iterable[Transfer]) -> str:
    names = ", ".join(dict.fromkeys(each.variable for each in transfers))
    return (
        f"Nothing was sent. If you trust this, export {names} yourself, with the same value. If not, remove "
        "it from the file, or put the credential for it into the same file."
    )
