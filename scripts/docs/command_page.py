"""docs/command.md: every command with its options, out of the program itself."""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any, Final

from typer.main import get_command

from scripts.docs.tables import code, table
from travel_gpt.cli.app import app
from travel_gpt.cli.program import NAME
from travel_gpt.cli.target import SECRETS, STACKS
from travel_gpt.env_file import OF_AWS, OF_CREDENTIALS

_INTRODUCTION: Final = """\
<!-- Made by scripts/generate_docs.py from travel_gpt/cli; make docs writes it. -->
# The command

`travel-gpt` looks after the OpenAI key: it checks what protects it, puts it in, rotates it and moves it. It
runs on your machine, with your own AWS credentials, and is not part of the Lambda function.

```sh
make command                         # installs it into this clone
.venv/run/bin/travel-gpt doctor
```

Elsewhere, these install it into the Python environment of your choice, from the clone's own lock file.
Package indexes hold no release of this project: a project of its name there is somebody else's.

```sh
python -m pip install --no-deps --require-hashes --requirement requirements/run.txt
python -m pip install --no-deps --no-index --no-build-isolation --editable .
```

## How it takes a key

From standard input, or from a hidden prompt where that is a terminal. Never from an argument: an argument
that looks like a key is refused and not repeated, and no message repeats a word of the command line that
the command does not know itself.

```sh
travel-gpt secret put                                  # asks; nothing is shown
pass show openai/travel | travel-gpt secret rotate     # or out of a password manager
```

Give the key alone, or a JSON object with `api_key` and what belongs to it (`base_url`, `expires_at`, …).
What else the secret holds stays, but for the old key's `expires_at`.

## What it reads besides

The [settings](settings.md) of the function, from the environment: it finds the key in the same way. A file
`.env` in the current folder is read too; variables that are set win, and it says which names it took. It
takes the settings, {credentials}, `SECRET_` and the name of the secret, and of AWS's: {aws}.
An endpoint is taken when it is on this machine only, and nothing else is: no proxy, no certificates, no
other endpoint. Values are taken as they stand: `${{NAME}}` is not replaced.

A folder of somebody else's could have a `.env` too. So **what the file names as a destination receives only
credentials of the same file**: `OPENAI_BASE_URL`, `VAULT_ADDR`, `AWS_ENDPOINT_URL` (servers on this machine
included), a changed `CREDENTIAL_SOURCE`, OpenAI's ids for `workload-identity`; where a key is stored, the
AWS credentials or `AWS_PROFILE` of the file, the ARN of a secret, and master keys of the file. Where an
exported, stored or typed credential, or that of a role, would go there, the command names the file and the
host and asks; without a terminal it ends with status 2 and sends nothing. To allow it for good, export the
variable yourself. A server that needs no key is asked without a question. `make run` does the same, and asks
before it serves other machines at the cost of such a key because the file sets `HOST`.

## Exit status

| Status | Meaning |
| --- | --- |
| 0 | Done. `doctor`: there is no problem; there may be warnings |
| 1 | It was tried, and it failed or was refused. `doctor`: there is a problem |
| 2 | It was not tried: wrong usage, or something that it needs is missing, such as AWS credentials |
| 130 | Stopped with Ctrl-C |

Results go to standard output, everything else to standard error. Where they are no terminal, there are no
colours and no line is broken.

## The audit trail

Every change is one event: who (the ARN of your AWS credentials, or your user name where AWS is not used),
what, which version, how it ended, how long it took; never a value. The events are added to
`~/.local/state/travel-gpt/audit.jsonl` (`XDG_STATE_HOME` moves it), a file that only you can read.
`--verbose` writes them to standard error as well, beside the rest of the log. What was done in AWS is in
CloudTrail too.

## Fingerprints

`secret show`, `secret put`, `secret rotate` and `doctor` show a fingerprint of a key: the first 12
hexadecimal digits of the SHA-256 of `travel-gpt key fingerprint v1`, a zero byte and the key. Two places
that show the same one hold the same key. From that of a random key, such as OpenAI's, the key cannot be
worked out.

## Environments

{environments}

Any other secret is named with `--secret`, any other stack with `--stack`.

## The commands
"""

_MORE: Final = {
    "doctor": """\
On this machine it checks the settings, a `.env` file, each source in the order of `CREDENTIAL_SOURCE`
(reachability, permissions, format), the age of the key and its end. Without `CREDENTIAL_SOURCE` it says which
model `make run` asks and with which key, and looks into Secrets Manager where there are AWS credentials and a
region; that nothing is deployed yet is no problem. Of a stack it checks the last
deployment, the function's variables and state, every policy of its role, the secret (versions, rotation,
age, encryption, its own policy), throttles, usage plan and API key, how long logs are kept, alarms, and
what GET says. It does not read the value of a stack's secret. Of both it tells the posture: what protects
the key, and what is off.

For drift it compares the template that was deployed, as it was written, with `template.yaml` of the clone
that the command runs from: resources, parameters, conditions and outputs, but for metadata and the place of
the code. It compares neither the code nor the values of parameters. Beside that it shows what
CloudFormation's own drift detection found, if that was run; `doctor` does not start it.

`--json` prints `{"about", "problems", "warnings", "findings": [{"check", "state", "says", "mend"}]}`, where
`state` is `ok`, `warning` or `problem`.
""",
    "secret rotate": """\
The new key is written as `AWSPENDING`, which nobody reads, and proven by listing the models at the server
that the function uses (with `--env` that of the deployed function, if you may look at it). Then it becomes
`AWSCURRENT`, and the one before `AWSPREVIOUS`. Whatever fails, Ctrl-C included, the current version stays
current, and the staged one loses its label.
""",
    "secret discard-pending": """\
Secrets Manager refuses to begin a rotation, or to change its schedule, while `AWSPENDING` is on a version
that is not the current one: `deploy.sh` and `doctor` find such a version. The command removes that label
and nothing else; a version that is pending and current at once is left as it is. It prints the name of the
key that rotation may have made for the version: the next rotation deletes that key at OpenAI.
""",
    "secret migrate": """\
It moves `OPENAI_API_KEY`, or the variable that stands for the secret (`SECRET_TRAVEL_GPT_OPENAI_API_KEY`),
into the secret, and those of the other environments into theirs. It shows what goes where and asks; reads
back what it wrote and compares; and only then puts a comment in the place of the lines, without the value.
The rest of the file, its rights and its line ends stay as they are. Where it fails half-way, repeat it:
what is done is not done again.

Afterwards it names what it can see still holding a key: other lines, copies beside the file, the history of
git. It cannot see backups, the history of your shell, or what an editor keeps elsewhere. A key that was in
git should be replaced: `travel-gpt secret rotate`.
""",
    "secret encrypt": """\
For `CREDENTIAL_SOURCE=encrypted-file`. The master keys are in `TRAVEL_GPT_MASTER_KEYS`; make one with
`openssl rand -base64 32 | tr '+/' '-_'`.
""",
}


def command_page() -> str:
    """Return docs/command.md."""
    environments = table(
        ("`--env`", "Secret", "Stack"),
        ((code(env), code(SECRETS[env]), code(STACKS[env])) for env in SECRETS),
    )
    introduction = _INTRODUCTION.format(
        credentials=_listed(OF_CREDENTIALS),
        aws=_listed(OF_AWS),
        environments=environments,
    )
    sections = [_section(path, each) for path, each in _leaves(get_command(app), "")]
    return f"{introduction}\n{chr(10).join(sections)}"


def _listed(names: frozenset[str]) -> str:
    return ", ".join(code(name) for name in sorted(names))


def _leaves(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, each in getattr(command, "commands", {}).items():
        below = f"{path} {name}".strip()
        if getattr(each, "commands", None):
            yield from _leaves(each, below)
        else:
            yield below, each


def _section(path: str, command: Any) -> str:
    options = [each for each in command.params if each.name != "help"]
    told = "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", command.help.strip()))
    rows = table(
        ("Option", "What it does"),
        ((code(_usage(each)), str(each.help).replace("`", "")) for each in options),
    )
    more = f"\n{_MORE[path]}" if path in _MORE else ""
    body = f"\n{rows}\n" if options else ""
    return f"### {NAME} {path}\n\n{told}\n{body}{more}"


def _usage(option: Any) -> str:
    name = str(option.opts[0])
    if getattr(option, "is_flag", False):
        return name
    kind = option.type_descriptor.annotation
    choices = [str(each) for each in kind] if isinstance(kind, type) and issubclass(kind, Enum) else []
    return f"{name} {'|'.join(choices) or name.lstrip('-').upper()}"
