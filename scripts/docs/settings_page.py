"""docs/settings.md, and the short table in README.md."""

from typing import Final

from scripts.docs.stack_template import Choice, Reference, StackTemplate, Value
from scripts.docs.tables import code, table
from travel_gpt.local.options import VARIABLES
from travel_gpt.settings import SettingSpec, settings_fields

_INTRODUCTION: Final = """\
<!-- Made by scripts/generate_docs.py from travel_gpt/settings.py and template.yaml; make docs writes it. -->
# Settings

The function reads environment variables. On AWS the template sets them; most have a parameter of the stack,
which you give to `deploy.sh`:

```sh
./deploy.sh --parameter CredentialTtlSeconds=60
```

A variable that is unset or empty has its default. A wrong one stops nothing from starting: GET answers 503
with the code [`misconfigured`](errors.md#misconfigured) and names the variable, but not its value.
"""

_AWS: Final = """\
## boto3's own

The function also heeds what boto3 reads. Lambda sets the region and the role's credentials by itself.
"""

_AWS_VARIABLES: Final = (
    ("AWS_REGION", "the function's own, on Lambda", "The region of the secret."),
    (
        "AWS_ENDPOINT_URL",
        "AWS",
        "Another address for AWS's services, such as a stand-in for tests. The template does not set it.",
    ),
)

_SECRETS: Final = """\
## What is secret

Some sources take a secret from the environment. It is no setting: it is read when the source is asked, and
never shown.
"""

_SECRET_VARIABLES: Final[tuple[tuple[str, str, str], ...]] = (
    ("OPENAI_API_KEY", "`environment`", "The key, bare or JSON."),
    (
        "SECRET_travel-gpt/openai-api-key",
        "`environment`",
        (
            "The same, named like the secret: `SECRET_` and the name as it is given. `env` and container "
            "platforms can set it; a shell's `export` cannot."
        ),
    ),
    (
        "SECRET_TRAVEL_GPT_OPENAI_API_KEY",
        "`environment`",
        (
            "The same, with the name in capitals and with underscores. Of these three variables the first "
            "that is set counts, in this order."
        ),
    ),
    (
        "TRAVEL_GPT_MASTER_KEYS",
        "`encrypted-file`",
        (
            "The master keys, separated by commas: the first encrypts, all decrypt. Each is 32 bytes in "
            "base64url; `name:KEY` gives it a name, and `fernet:KEY` is a key of Fernet's, which reads only. "
            "`TRAVEL_GPT_MASTER_KEYS_FILE` names a file with them instead."
        ),
    ),
    ("VAULT_TOKEN", "`vault`", "The token, for `VAULT_AUTH=token`. No file in the home folder is looked at."),
    (
        "VAULT_CACERT",
        "`vault`",
        (
            "No secret: a file with the authority that vouches for the server, if it is not one of the "
            "usual. `VAULT_CLIENT_CERT` and `VAULT_CLIENT_KEY` are heeded, too."
        ),
    ),
)

_LOCAL: Final = """\
## The local server's own

`make run` takes the settings above from the environment or from a file `.env`; `API_ACCESS` is `open` there
unless it is set. These are for it alone:
"""

_PARAMETERS: Final = """\
## The stack's parameters

All of them, for `./deploy.sh --parameter Name=Value`. What you leave out stays as it is in the stack.
"""


def allowed(spec: SettingSpec) -> str:
    """Say which values a setting may have, in the words that a wrong one is refused with.

    Args:
        spec: the setting.

    Returns:
        The words, such as "a whole number from 1 to 86400".

    Raises:
        ValueError: the setting takes anything, so there are no words.
    """
    try:
        spec.parse("\0")
    except ValueError as refused:
        return str(refused).removeprefix("must be ")
    raise ValueError(f"{spec.variable} takes a NUL character: its parser checks nothing")


def settings_page(template: StackTemplate) -> str:
    """Return docs/settings.md."""
    settings = table(
        ("Variable", "Default", "What it does", "Allowed", "Parameter"),
        (
            (
                code(spec.variable),
                code(spec.default) or "none",
                spec.describes,
                allowed(spec),
                _parameter(spec.variable, template),
            )
            for spec in settings_fields()
        ),
    )
    aws = table(("Variable", "Default", "What it does"), ((code(n), d, w) for n, d, w in _AWS_VARIABLES))
    secrets = table(("Variable", "Source", "What it is"), ((code(n), s, w) for n, s, w in _SECRET_VARIABLES))
    local = table(
        ("Variable", "Default", "What it does"),
        ((code(name), code(default), says) for name, (default, says) in VARIABLES.items()),
    )
    parameters = table(
        ("Parameter", "Default", "What it does"),
        (
            (code(name), code(spec["Default"]) or "empty", spec["Description"])
            for name, spec in template.parameters.items()
        ),
    )
    sections = (
        (_INTRODUCTION, settings),
        (_AWS, aws),
        (_SECRETS, secrets),
        (_LOCAL, local),
        (_PARAMETERS, parameters),
    )
    return "\n\n".join(f"{says}\n{rows}" for says, rows in sections) + "\n"


def short_table() -> str:
    """Return the table for README.md: each setting in one sentence."""
    return table(
        ("Variable", "Default", "What it does"),
        (
            (
                code(spec.variable),
                code(spec.default) or "none",
                f"{spec.describes.partition('. ')[0].rstrip('.')}.",
            )
            for spec in settings_fields()
        ),
    )


def _parameter(variable: str, template: StackTemplate) -> str:
    match template.variables.get(variable):
        case None:
            return "none; the template leaves the default"
        case str(value):
            return f"none; the template says `{value}`"
        case Reference(name) if name in template.parameters:
            return code(name)
        case Reference("AWS::StackName"):
            return "none; the stack's name"
        case Reference(name):
            return f"none; `{name}`"
        case Choice(parameters, then, otherwise):
            deciding = " and ".join(code(name) for name in parameters)
            return f"{_written(then)} or {_written(otherwise)}, by {deciding}"


def _written(value: Value) -> str:
    match value:
        case str():
            return code(value) or "empty"
        case Reference(name):
            return code(name)
        case Choice():
            raise ValueError("a choice within a choice: the page has no words for it")
