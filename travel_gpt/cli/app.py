"""The commands and their options. Each is implemented in its own module, imported when it is run."""

import os
import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from travel_gpt import __version__
from travel_gpt.cli.audit_log import open_audit_log
from travel_gpt.cli.aws_session import choose_account
from travel_gpt.cli.console import Console
from travel_gpt.cli.errors import USAGE, CliError
from travel_gpt.cli.help_panels import CommandWithPanels
from travel_gpt.cli.itinerary import options
from travel_gpt.cli.program import NAME
from travel_gpt.cli.target import STACKS, Target, checked_settings, choose_target
from travel_gpt.guard.new_invitation import MOST_DEVICES


class Env(StrEnum):
    """The three environments of deploy.sh."""

    prod = "prod"
    staging = "staging"
    dev = "dev"


class AnswerFormat(StrEnum):
    """What the answer of ask is."""

    prose = "prose"
    itinerary = "itinerary"


Environment = Annotated[
    Env | None, typer.Option("--env", help="The environment, as deploy.sh names it.", show_default=False)
]
SecretName = Annotated[
    str | None,
    typer.Option(
        "--secret", help="The secret's name or ARN. [default: OPENAI_SECRET_NAME]", show_default=False
    ),
]
Region = Annotated[str | None, typer.Option(help="The AWS region.", show_default=False)]
Profile = Annotated[str | None, typer.Option(help="The AWS profile.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for another program.")]

_NO_TRACES: Final[dict[str, Any]] = {
    # Typer's own tracebacks show local variables, and a key is one.
    "pretty_exceptions_enable": False,
    "pretty_exceptions_show_locals": False,
    # Shell completion would add lines to the owner's shell settings.
    "add_completion": False,
    "rich_markup_mode": None,
}

app = typer.Typer(
    name=NAME,
    help="Deploy Travel GPT, and manage its OpenAI key: check, store, rotate and move it.\n\n"
    "A key is read from standard input or a hidden prompt, never from an argument. A file .env in the "
    "current folder is read; variables that are set win.",
    **_NO_TRACES,
)
secret = typer.Typer(name="secret", help="The secret that holds the OpenAI key.", **_NO_TRACES)
app.add_typer(secret)
client = typer.Typer(
    name="client", help="The clients of a deployed stack: who may ask, how often, for how much.", **_NO_TRACES
)
app.add_typer(client)


def _version(wanted: bool) -> None:
    if wanted:
        Console().say(f"{NAME} {__version__}")
        raise typer.Exit


@app.callback()
def every_command(
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Write the log, audit events included, to standard error.")
    ] = False,
    version: Annotated[  # noqa: ARG001 - its callback does it
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Prepare what every command needs."""
    open_audit_log(os.environ, verbose=verbose)


@app.command()
def doctor(
    stack: Annotated[
        str | None,
        typer.Option(help="Check this deployed stack instead of this machine.", show_default=False),
    ] = None,
    env: Environment = None,
    region: Region = None,
    profile: Profile = None,
    verify: Annotated[bool, typer.Option("--verify", help="Verify the key with one live call.")] = False,
    stream: Annotated[
        bool, typer.Option("--stream", help="Measure a streamed answer: asks one short query, which costs.")
    ] = False,
    url: Annotated[
        str | None,
        typer.Option(
            help="With --stream: the URL of the API. [default: that of `make run`]", show_default=False
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check everything that protects the key and keeps it current, and show how to fix problems.

    Without --stack or --env it checks this machine; with one of them, that deployed stack. With --stream it
    also measures whether an answer arrives while the model writes it: from that stack with the API key of
    its client owner, and otherwise from the server that `make run` starts or from --url, with the API key of
    the variable TRAVEL_GPT_API_KEY. Exit status: 0 when there is no problem (there may be warnings), 1 when
    there is one, 2 when it could not check.
    """
    from travel_gpt.cli.doctor.report import examine_machine, examine_stack

    if url and (stack or env or not stream):
        raise CliError("--url goes with --stream, and without --env and --stack.", USAGE)
    choose_account(region, profile)
    how = {"verify": verify, "stream": stream, "as_json": as_json}
    if stack or env:
        found = examine_stack(stack, env, _flags(region, profile), Console(), **how)
    else:
        found = examine_machine(Console(), url=url, **how)
    raise typer.Exit(found)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
)
def deploy(context: typer.Context) -> None:
    """Deploy to AWS, or remove the deployment: what ./deploy.sh does, with its options.

    `./deploy.sh --help` shows them. It reads no .env file.
    """
    from travel_gpt.cli.deploy.main import main as do

    raise typer.Exit(do(context.args, os.environ.pop("OPENAI_API_KEY", "")))


@app.command()
def api_key(
    stack: Annotated[str | None, typer.Option(help="The stack's name.", show_default=False)] = None,
    env: Environment = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Print the API key of a deployed stack itself, which is that of the client owner."""
    from travel_gpt.cli.api_key import print_api_key

    choose_account(region, profile)
    print_api_key(stack or STACKS[env or "prod"])


@app.command(cls=CommandWithPanels)
def ask(
    query: Annotated[
        list[str], typer.Argument(metavar="QUERY...", help="The query: its words.", show_default=False)
    ],
    url: Annotated[
        str | None,
        typer.Option(help="The URL of the API. [default: that of `make run`]", show_default=False),
    ] = None,
    stack: Annotated[str | None, typer.Option(help="The stack's name.", show_default=False)] = None,
    env: Environment = None,
    region: Region = None,
    profile: Profile = None,
    as_json: Json = False,
    form: Annotated[
        AnswerFormat | None,
        typer.Option(
            "--format", help="A text, or a trip whose days are checked. [default: prose]", show_default=False
        ),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            help="Ask for a trip, and keep it in this file: .md to read, .json for a program.",
            show_default=False,
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a file that --save names.")] = False,
    start: options.Start = None,
    end: options.End = None,
    nights: options.Nights = None,
    origin: options.Origin = None,
    destinations: options.Destinations = None,
    round_trip: options.RoundTrip = None,
    adults: options.Adults = None,
    children: options.Children = None,
    budget: options.Budget = None,
    pace: options.Pacing = None,
    interests: options.Interests = None,
    diet: options.Diets = None,
    mobility: options.Mobilities = None,
    lodging: options.Lodging = None,
    transport: options.Transport = None,
    language: options.Language = None,
) -> None:
    """Ask a travel query, and print the answer while it is written.

    Without an option it asks the server that `make run` starts. With --env or --stack it finds the URL of
    that deployed stack, and the API key of its client owner. Otherwise the API key is that of the variable
    TRAVEL_GPT_API_KEY; without the variable, it asks for the key where the API needs one.

    With --format itinerary the answer is a trip: its days in tables, with their costs, and what was checked.
    """
    from travel_gpt.cli.ask import Question, ask as do
    from travel_gpt.cli.asked_api import api_of_stack, api_of_url

    wanted = AnswerFormat(form or (AnswerFormat.itinerary if save else AnswerFormat.prose))
    trip = options.TripOptions(
        start=start,
        end=end,
        nights=nights,
        origin=origin,
        destinations=destinations,
        round_trip=round_trip,
        adults=adults,
        children=children,
        budget=budget,
        pace=pace,
        interests=interests,
        diet=diet,
        mobility=mobility,
        lodging=lodging,
        transport=transport,
        language=language,
    )
    question = Question(" ".join(query), wanted.value, trip.constraints())
    if stack or env:
        if url:
            raise CliError("Give --url, or --env or --stack, not both.", USAGE)
        name, flags = _stack(stack, env, region, profile), _stack_flags(stack, env, region, profile)
        place = api_of_stack(name, flags)
    elif region or profile:
        raise CliError("--region and --profile need --env or --stack, which name a deployed stack.", USAGE)
    else:
        place = api_of_url(url, os.environ)
    console = Console()
    if replace and save is None:
        raise CliError("--replace goes with --save.", USAGE)
    if save is not None:
        from travel_gpt.cli.itinerary.saving import checked_path

        if wanted is AnswerFormat.prose:
            raise CliError("--save keeps a trip: leave out --format prose.", USAGE)
        save = checked_path(save, console, replace=replace)
    do(question, place, console, as_json=as_json, save_to=save)


@app.command()
def init() -> None:
    """Write a .env file into the current folder that lists the useful variables, each as a comment.

    It holds no key. A file that is there is replaced only after a question.
    """
    from travel_gpt.cli.init import init as do

    do(Path.cwd(), Console())


@secret.command()
def put(
    env: Environment = None, secret: SecretName = None, region: Region = None, profile: Profile = None
) -> None:
    """Create the secret, or replace the key in it at once.

    Give the key alone, or a JSON object with "api_key". The secret's other fields stay. The new key is not
    verified: rotate does that.
    """
    from travel_gpt.cli.secret.change import put as do

    do(_target(env, secret, region, profile), Console())


@secret.command()
def show(
    env: Environment = None,
    secret: SecretName = None,
    region: Region = None,
    profile: Profile = None,
    as_json: Json = False,
) -> None:
    """Show a secret's metadata, and a fingerprint of its key: never the value.

    Where CREDENTIAL_SOURCE names other sources, and neither --env nor --secret is given, it shows what those
    give to this machine.
    """
    from travel_gpt.cli.secret.show import show as do, show_source

    target = _target(env, secret, region, profile)
    settings = checked_settings(os.environ)
    if env or secret or "secrets-manager" in settings.credential_source:
        do(target, Console(), as_json=as_json)
    else:
        show_source(settings, Console(), as_json=as_json)


@secret.command()
def rotate(
    env: Environment = None,
    secret: SecretName = None,
    region: Region = None,
    profile: Profile = None,
    rollback: Annotated[bool, typer.Option("--rollback", help="The same as the command rollback.")] = False,
) -> None:
    """Replace the key with a new one that is verified first: staged, verified with a live call, promoted.

    Make the new key at OpenAI before, and revoke the old one after. When the new key fails, it is discarded,
    and the current one stays current.
    """
    from travel_gpt.cli.secret.change import roll_back, rotate as do

    (roll_back if rollback else do)(_target(env, secret, region, profile), Console())


@secret.command()
def rollback(
    env: Environment = None, secret: SecretName = None, region: Region = None, profile: Profile = None
) -> None:
    """Make the previous version current again, after verifying its key."""
    from travel_gpt.cli.secret.change import roll_back

    roll_back(_target(env, secret, region, profile), Console())


@secret.command()
def discard_pending(
    env: Environment = None,
    secret: SecretName = None,
    region: Region = None,
    profile: Profile = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before it is discarded.")] = False,
) -> None:
    """Discard the pending version of a rotation that did not finish: it loses the label AWSPENDING.

    Until then Secrets Manager begins no other rotation and changes none of its settings. The current key
    stays in use.
    """
    from travel_gpt.cli.secret.change import discard_pending as do

    do(_target(env, secret, region, profile), Console(), yes=yes)


@secret.command()
def migrate(
    file: Annotated[Path, typer.Option(help="The file with the keys.")] = Path(".env"),
    env: Environment = None,
    secret: SecretName = None,
    region: Region = None,
    profile: Profile = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a different key that the secret holds.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before anything is changed.")] = False,
) -> None:
    """Move the keys of a .env file into Secrets Manager.

    They are put there, read back and compared, and only then commented out in the file, without their values.
    """
    from travel_gpt.cli.secret.migrate import migrate as do

    do(file, _target(env, secret, region, profile), Console(), replace=replace, yes=yes)


EncryptedFile = Annotated[
    Path | None,
    typer.Option("--file", help="The encrypted file. [default: CREDENTIAL_FILE]", show_default=False),
]


@secret.command()
def encrypt(
    file: EncryptedFile = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the key in a file that is there.")
    ] = False,
) -> None:
    """Put a key into an encrypted file, under the first of TRAVEL_GPT_MASTER_KEYS.

    The master keys may also be in a file, which TRAVEL_GPT_MASTER_KEYS_FILE names.
    """
    from travel_gpt.cli.secret.encrypted_files import default_file, encrypt as do

    do(file or default_file(), Console(), replace=replace)


@secret.command()
def decrypt(
    output: Annotated[
        str, typer.Option(help="A new file for the key in plain text, or - for a pipe; never a terminal.")
    ],
    file: EncryptedFile = None,
) -> None:
    """Write the key of an encrypted file in plain text into another file or a pipe."""
    from travel_gpt.cli.secret.encrypted_files import decrypt as do, default_file

    do(file or default_file(), output, Console())


@secret.command()
def rekey(file: EncryptedFile = None) -> None:
    """Encrypt the key of an encrypted file again, under the first of TRAVEL_GPT_MASTER_KEYS.

    To rotate the master key, put the new one before the old one, rekey, then take the old one out.
    """
    from travel_gpt.cli.secret.encrypted_files import default_file, rekey as do

    do(file or default_file(), Console())


Stack = Annotated[str | None, typer.Option("--stack", help="The stack's name.", show_default=False)]
ClientName = Annotated[str, typer.Argument(metavar="NAME", help="The client's name.", show_default=False)]
PerMinute = Annotated[
    str | None, typer.Option(metavar="NUMBER", help="Queries a minute, or none.", show_default=False)
]
PerDay = Annotated[
    str | None, typer.Option(metavar="NUMBER", help="Queries a day (UTC), or none.", show_default=False)
]
Parallel = Annotated[
    str | None, typer.Option(metavar="NUMBER", help="Queries at the same time, or none.", show_default=False)
]
Budget = Annotated[
    list[str] | None,
    typer.Option(
        metavar="USD/PERIOD",
        help="USD a day or a month (UTC), such as 2/month, or none/month. May be given twice.",
        show_default=False,
    ),
]
Expires = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="When it ends: 12h, 30d, 8w or never.", show_default=False),
]


@client.command()
def add(
    name: ClientName,
    per_minute: PerMinute = None,
    per_day: PerDay = None,
    parallel: Parallel = None,
    budget: Budget = None,
    expires: Expires = None,
    stack: Stack = None,
    env: Environment = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Add a client, and print its API key once, to standard output."""
    from travel_gpt.cli.client.commands import add as do
    from travel_gpt.guard.typed_limits import TypedLimits

    typed = TypedLimits(per_minute, per_day, parallel, tuple(budget or ()), expires)
    do(_stack(stack, env, region, profile), name, typed, Console(), _stack_flags(stack, env, region, profile))


@client.command(name="list")
def list_clients(
    stack: Stack = None,
    env: Environment = None,
    region: Region = None,
    profile: Profile = None,
    as_json: Json = False,
) -> None:
    """List the clients, with their queries and costs of this month so far."""
    from travel_gpt.cli.client.usage import list_clients as do

    flags = _stack_flags(stack, env, region, profile)
    do(_stack(stack, env, region, profile), Console(), flags, as_json=as_json)


@client.command(name="show")
def show_client(
    name: ClientName,
    stack: Stack = None,
    env: Environment = None,
    region: Region = None,
    profile: Profile = None,
    as_json: Json = False,
) -> None:
    """Show a client, its limits and whether it may ask."""
    from travel_gpt.cli.client.show import show as do

    flags = _stack_flags(stack, env, region, profile)
    do(_stack(stack, env, region, profile), name, Console(), flags, as_json=as_json)


@client.command()
def limit(
    name: ClientName,
    per_minute: PerMinute = None,
    per_day: PerDay = None,
    parallel: Parallel = None,
    budget: Budget = None,
    expires: Expires = None,
    stack: Stack = None,
    env: Environment = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Change the limits of a client, or lift them with none. Those that are not given stay."""
    from travel_gpt.cli.client.commands import limit as do
    from travel_gpt.guard.typed_limits import TypedLimits

    typed = TypedLimits(per_minute, per_day, parallel, tuple(budget or ()), expires)
    do(_stack(stack, env, region, profile), name, typed, Console(), _stack_flags(stack, env, region, profile))


@client.command()
def disable(
    name: ClientName,
    stack: Stack = None,
    env: Environment = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Refuse a client's queries and end its sessions, in the table first and then at API Gateway."""
    from travel_gpt.cli.client.commands import disable as do

    do(_stack(stack, env, region, profile), name, Console(), _stack_flags(stack, env, region, profile))


@client.command()
def enable(
    name: ClientName,
    stack: Stack = None,
    env: Environment = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Let a disabled client ask again."""
    from travel_gpt.cli.client.commands import enable as do

    do(_stack(stack, env, region, profile), name, Console(), _stack_flags(stack, env, region, profile))


@client.command(name="rotate")
def rotate_client(
    name: ClientName,
    stack: Stack = None,
    env: Environment = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Give a client a new API key, and end the old one once the new one works."""
    from travel_gpt.cli.client.commands import rotate as do

    do(_stack(stack, env, region, profile), name, Console(), _stack_flags(stack, env, region, profile))


@client.command()
def remove(
    name: ClientName,
    stack: Stack = None,
    env: Environment = None,
    region: Region = None,
    profile: Profile = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before it is removed.")] = False,
) -> None:
    """Remove a client after a question: its API key or invitations, its limits, usage and kept answers."""
    from travel_gpt.cli.client.commands import remove as do

    flags = _stack_flags(stack, env, region, profile)
    do(_stack(stack, env, region, profile), name, Console(assume_yes=yes), flags)


@app.command()
def invite(
    name: ClientName,
    budget: Budget = None,
    expires: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="When the guest's access ends: 12h, 30d or 8w; with --again, the link's. [default: 30d]",
            show_default=False,
        ),
    ] = None,
    devices: Annotated[
        int, typer.Option(min=1, max=MOST_DEVICES, help="How many browsers may accept the invitation.")
    ] = 1,
    again: Annotated[
        bool, typer.Option("--again", help="Make another link for a client that is there.")
    ] = False,
    stack: Stack = None,
    env: Environment = None,
    region: Region = None,
    profile: Profile = None,
) -> None:
    """Invite a person to ask on the web page: print a link once, to standard output.

    The person opens the link, accepts the invitation, and asks within the budget, without an API key. The
    guest is a client, for the commands of `travel-gpt client`. With --again, any client gets another link,
    also owner.
    """
    from travel_gpt.cli.client.invite import invite as do, invite_again
    from travel_gpt.guard.typed_limits import TypedLimits

    typed = TypedLimits(budget=tuple(budget or ()), expires=expires)
    place, flags = _stack(stack, env, region, profile), _stack_flags(stack, env, region, profile)
    (invite_again if again else do)(place, name, typed, devices, Console(), flags)


@app.command()
def usage(
    month: Annotated[
        str | None, typer.Option(help="The month, such as 2026-11. [default: this one]", show_default=False)
    ] = None,
    stack: Stack = None,
    env: Environment = None,
    region: Region = None,
    profile: Profile = None,
    as_json: Json = False,
) -> None:
    """Show the queries, tokens, costs and refusals of a month, by day, client and model."""
    from travel_gpt.cli.client.usage import show as do

    flags = _stack_flags(stack, env, region, profile)
    do(_stack(stack, env, region, profile), month or "", Console(), flags, as_json=as_json)


@app.command()
def pause(
    stack: Stack = None, env: Environment = None, region: Region = None, profile: Profile = None
) -> None:
    """Refuse every query of a deployed stack within seconds, until it is resumed."""
    from travel_gpt.cli.client.pause import pause as do

    do(_stack(stack, env, region, profile), Console(), _stack_flags(stack, env, region, profile))


@app.command()
def resume(
    stack: Stack = None, env: Environment = None, region: Region = None, profile: Profile = None
) -> None:
    """Let the queries of a paused stack through again."""
    from travel_gpt.cli.client.pause import resume as do

    do(_stack(stack, env, region, profile), Console(), _stack_flags(stack, env, region, profile))


def _stack(stack: str | None, env: Env | None, region: str | None, profile: str | None) -> str:
    if stack and env:
        raise CliError("Give --stack or --env, not both: they name the stack in two ways.", USAGE)
    choose_account(region, profile)
    return stack or STACKS[env or "prod"]


def _stack_flags(stack: str | None, env: Env | None, region: str | None, profile: str | None) -> str:
    named = f" --stack {shlex.quote(stack)}" if stack else f" --env {env}" if env else ""
    return named + _flags(region, profile)


def _target(env: Env | None, secret: str | None, region: str | None, profile: str | None) -> Target:
    choose_account(region, profile)
    return choose_target(secret, env, _flags(region, profile))


def _flags(region: str | None, profile: str | None) -> str:
    given = {"--region": region, "--profile": profile}
    return "".join(f" {name} {shlex.quote(value)}" for name, value in given.items() if value)
