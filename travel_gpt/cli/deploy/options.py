"""The command line of deploy.sh."""

import argparse
import re
import shlex
from dataclasses import dataclass, field
from typing import Final, NoReturn

from travel_gpt.cli.errors import CliError

ENVIRONMENTS: Final = {"prod": "default", "staging": "staging", "dev": "dev"}
"""The environments, each with the name of its section in samconfig.toml."""

_OWN_OPTIONS: Final = (
    ("access", "ApiAccess"),
    ("model", "OpenAIModel"),
    ("alarm_email", "AlarmEmail"),
    ("identity_provider", "OpenAIIdentityProviderId"),
    ("service_account", "OpenAIServiceAccountId"),
)
"""The parameters that have an option of their own."""

_HELP: Final = """\
Deploy Travel GPT to AWS, or remove it again.

    ./deploy.sh               the first time it asks for the OpenAI key, without showing it; later it updates
                              the stack and keeps the stored key
    ./deploy.sh --dry-run     shows what would happen and changes nothing

To give the key beforehand, in bash or zsh (paste it and press Enter; nothing is shown):

    read -rs OPENAI_API_KEY; export OPENAI_API_KEY; ./deploy.sh

Do not type the key into a command: the shell keeps commands in its history. The key goes into AWS Secrets
Manager and nowhere else. A stored key is replaced only by --replace-key.

Where
  --env prod|staging|dev      which environment; each has its own stack and secret (default: prod)
  --region REGION             the AWS region (default: the one your AWS settings name)
  --profile NAME              the AWS profile (default: AWS_PROFILE)

What
  --access api-key|open       who may POST: bearers of the stack's API key (default), or anybody
  --model NAME                the model that answers
  --alarm-email ADDRESS       where alarms are sent; "" sends none
  --parameter Name=Value      any parameter of template.yaml; repeatable. What you leave out stays as it is
  --replace-key               put the new key (OPENAI_API_KEY, or asked for) in the place of the stored one,
                              after OpenAI has accepted it
  --keyless                   go without a key: OpenAI trusts the function's role instead. It says what to set
                              up at OpenAI, and takes the secret away only when OpenAI accepted the role
  --identity-provider ID      with --keyless: OpenAI's id of the workload identity provider
  --service-account ID        with --keyless: OpenAI's id of the service account
  --create-logging-role       have access logs, and set up the role that API Gateway needs to write them if
                              this region has none. Without that role a first deployment asks, or stops until
                              you choose: this option, or --parameter AccessLogs=disabled

How
  --dry-run                   show what would happen, change nothing
  --yes                       do not ask, for CI
  --no-build                  deploy what was built before: the same package to staging, then to prod
  --help                      this text

Removing
  --delete                    delete the stack and the clients' API keys; the secret and the table of the
                              clients stay
  --delete-secret             with --delete: delete the secret too, with 30 days to change your mind
"""


@dataclass(frozen=True, slots=True)
class Options:
    """What the person asked for."""

    environment: str
    region: str | None
    profile: str | None
    yes: bool
    dry_run: bool
    no_build: bool
    replace_key: bool
    keyless: bool
    create_logging_role: bool
    delete: bool
    delete_secret: bool
    parameters: dict[str, str] = field(default_factory=dict)
    """Template parameters by name, those with an option of their own included."""
    typed: tuple[str, ...] = ()
    """The command line as it was typed."""

    def command(self, *extra: str) -> str:
        """Write a deploy.sh command for the same environment, region and profile.

        Typed without them, what is meant for dev would happen to prod.

        Args:
            extra: more options.

        Returns:
            The command.
        """
        environment = [] if self.environment == "prod" else ["--env", self.environment]
        region = ["--region", self.region] if self.region else []
        profile = ["--profile", self.profile] if self.profile else []
        return shlex.join(["./deploy.sh", *environment, *region, *profile, *extra])

    def repeated(self, *choice: str, dropping: str) -> str:
        """Write the command line again, as it was typed, with another choice about one parameter.

        Args:
            choice: the options that make it.
            dropping: the parameter, of which nothing else is said.

        Returns:
            The command.
        """
        dropped = ("--dry-run", "--create-logging-role") if dropping == "AccessLogs" else ("--dry-run",)
        words = list(self.typed)
        kept: list[str] = []
        while words:
            word = words.pop(0)
            if word == "--parameter":
                word = f"{word}={words.pop(0)}"
            if word in dropped or word.startswith(f"--parameter={dropping}="):
                continue
            kept += word.split("=", 1) if word.startswith("--parameter=") else [word]
        return shlex.join(["./deploy.sh", *kept, *choice])

    def command_with_key(self, *extra: str) -> str:
        """Write a deploy.sh command that takes the key from the environment.

        The key is read by the shell itself: it is in no program's arguments and not in the shell's history.

        Args:
            extra: more options.

        Returns:
            The command, for bash or zsh.
        """
        return f"read -rs OPENAI_API_KEY; export OPENAI_API_KEY; {self.command(*extra)}"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        said = message.replace("unrecognized arguments", "there is no option").rstrip(".")
        raise CliError(f"{said[0].upper()}{said[1:]}. The options are in: ./deploy.sh --help", 2)


def read_options(arguments: list[str]) -> Options | None:
    """Read the command line.

    Args:
        arguments: what stands behind ``./deploy.sh``.

    Returns:
        The options, or None when only the help was asked for; it has been printed.

    Raises:
        CliError: an option is unknown, incomplete or contradicts another one.
    """
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("--env", choices=ENVIRONMENTS, default="prod")
    for name in (
        "--region",
        "--profile",
        "--model",
        "--alarm-email",
        "--identity-provider",
        "--service-account",
    ):
        parser.add_argument(name)
    parser.add_argument("--access", choices=("api-key", "open"))
    parser.add_argument("--parameter", action="append", default=[])
    for name in (
        "--replace-key",
        "--keyless",
        "--create-logging-role",
        "--dry-run",
        "--yes",
        "--no-build",
        "--delete",
        "--delete-secret",
    ):
        parser.add_argument(name, action="store_true")
    parser.add_argument("-h", "--help", action="store_true")
    given = parser.parse_args(arguments)
    if given.help:
        print(_HELP, end="")
        return None
    if given.create_logging_role:
        # The role is for nothing else.
        given.parameter.append("AccessLogs=enabled")
    parameters = _parameters(given)
    if given.delete_secret and not given.delete:
        raise CliError(
            "--delete-secret goes with --delete. To delete both: ./deploy.sh --delete --delete-secret", 2
        )
    if given.keyless and given.replace_key:
        raise CliError("--keyless goes without a key, and --replace-key stores one. Choose one of them.", 2)
    if given.keyless and "Keyless" in parameters:
        raise CliError("--keyless sets the parameter Keyless itself. Leave one of them out.", 2)
    if given.delete and (
        parameters or given.keyless or given.replace_key or given.create_logging_role or given.no_build
    ):
        raise CliError(
            "--delete takes no options about what to deploy. Leave out everything but --env, --region, "
            "--profile, --delete-secret, --dry-run and --yes.",
            2,
        )
    return Options(
        environment=given.env,
        region=given.region,
        profile=given.profile,
        yes=given.yes,
        dry_run=given.dry_run,
        no_build=given.no_build,
        replace_key=given.replace_key,
        keyless=given.keyless,
        create_logging_role=given.create_logging_role,
        delete=given.delete,
        delete_secret=given.delete_secret,
        parameters=parameters,
        typed=tuple(arguments),
    )


def _parameters(given: argparse.Namespace) -> dict[str, str]:
    pairs: list[tuple[str, str, str]] = []
    for option, name in _OWN_OPTIONS:
        value = getattr(given, option)
        if value is not None:
            pairs.append((f"--{option.replace('_', '-')}", name, value))
    for text in given.parameter:
        name, equals, value = text.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z0-9]+", name):
            raise CliError(
                f"--parameter takes Name=Value, such as --parameter LogRetentionDays=90, not '{text}'.", 2
            )
        pairs.append(("--parameter", name, value))
    parameters: dict[str, str] = {}
    for option, name, value in pairs:
        if parameters.get(name, value) != value:
            raise CliError(f"{option} gives {name} a second, different value. Say it once.", 2)
        # Every console shows parameters.
        if re.match(r"sk-[A-Za-z0-9_-]{16,}", value):
            raise CliError(
                f"The value of {name} looks like a key, and a key is no parameter. Leave it out, and give it "
                "in OPENAI_API_KEY or when deploy.sh asks for it.",
                2,
            )
        # sam reads a backslash as the beginning of an escape and has no way to write one.
        if re.search(r"[\\\x00-\x1f]", value):
            raise CliError(
                f"The value of {name} has a backslash or a control character, which no parameter takes.", 2
            )
        parameters[name] = value
    return parameters
