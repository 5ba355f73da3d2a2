"""The entry point of ``travel-gpt``: refusals, the .env file, and errors, for every command."""

import os
import sys
from collections.abc import Iterator, MutableMapping, Sequence
from pathlib import Path
from typing import Any

from travel_gpt.cli import target
from travel_gpt.cli.errors import DONE, FAILED, INTERRUPTED, USAGE, CliError, cli_error_for
from travel_gpt.cli.key_input import forget_sdk_variables
from travel_gpt.cli.program import NAME, refuse_keys, typed, without_values
from travel_gpt.env_file import OF_AWS, UnreadableEnvFile, load_env_file
from travel_gpt.env_trust import Consent, EnvTrust, NotAllowed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the command line without the program's name; by default the process's own.

    Returns:
        The exit status: 0 done; 1 it failed, or doctor found a problem; 2 it was not tried.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        # deploy is what deploy.sh runs: it takes ids that look like keys, and reads no .env.
        if _command_in(given) != "deploy":
            refuse_keys(given)
            _read_env_file(os.environ)
        return _run(given)
    except CliError as error:
        _say(error.sentence)
        return error.status
    except KeyboardInterrupt:
        _say("\nInterrupted. What was done is listed above; run it again to continue.")
        return INTERRUPTED
    except ModuleNotFoundError as missing:
        _say(f"{missing.name} is not installed here. `make command` sets everything up.")
        return USAGE
    except (UnreadableEnvFile, NotAllowed) as wrong:
        _say(str(wrong))
        return USAGE


def _command_in(arguments: Sequence[str]) -> str:
    return next((word for word in arguments if not word.startswith("-")), "")


def _read_env_file(environ: MutableMapping[str, str]) -> None:
    taken = load_env_file(Path.cwd(), environ, also=OF_AWS)
    forget_sdk_variables(environ)
    target.use(None if taken is None else Consent(taken.path, EnvTrust(taken.values, environ)))
    if taken is not None:
        _say(taken.summary())


def _run(arguments: list[str]) -> int:
    # Only now: what it imports reads the environment.
    import typer
    from typer.main import get_command

    from travel_gpt.aws.failures import AWS_ERRORS
    from travel_gpt.cli.app import app
    from travel_gpt.cli.aws_session import cli_error_of
    from travel_gpt.errors import TravelGPTError
    from travel_gpt.guard.limits import WrongLimit
    from travel_gpt.telemetry import describe

    command = get_command(app)
    try:
        status = command.main(arguments, prog_name=NAME, standalone_mode=False)
    except typer.TyperException as wrong:
        _say(without_values(wrong.format_message(), arguments, set(_words(command))))
        _say(f"`{NAME} --help` shows the commands, `{NAME} COMMAND --help` their options.")
        return USAGE
    except typer.Abort:
        raise KeyboardInterrupt from None
    except WrongLimit as wrong:
        raise CliError(str(wrong), USAGE) from None
    except TravelGPTError as failure:
        raise cli_error_for(failure) from None
    except AWS_ERRORS as failed:
        raise cli_error_of(failed) from None
    except (CliError, KeyboardInterrupt, ModuleNotFoundError, UnreadableEnvFile, NotAllowed):
        raise
    except Exception as bug:  # noqa: BLE001 - a traceback could quote a key
        types = " from ".join(describe(bug))
        raise CliError(
            f"Internal error ({types}). Please report it, with the command and without any key.",
            FAILED,
        ) from None
    # deploy has reported that it was interrupted.
    if status == INTERRUPTED and _command_in(arguments) != "deploy":
        raise KeyboardInterrupt
    return status if isinstance(status, int) else DONE


def _words(command: Any) -> Iterator[str]:
    """Return the names of commands, options and choices, which may be repeated."""
    if command.name:
        yield command.name
    for parameter in command.params:
        yield from parameter.opts
        yield parameter.name
    for each in getattr(command, "commands", {}).values():
        yield from _words(each)


def _say(text: str) -> None:
    from travel_gpt.redaction import redact

    sys.stderr.write(redact(typed(text)) + "\n")


if __name__ == "__main__":
    sys.exit(main())
