"""``travel-gpt init``: write a ``.env`` file that says what can be set, and sets nothing."""

from pathlib import Path
from textwrap import wrap
from typing import Final

from travel_gpt.cli.console import Console
from travel_gpt.cli.errors import CliError
from travel_gpt.cli.secret.migrate import git_leaves, replace_file
from travel_gpt.env_file import NAME
from travel_gpt.settings import settings_fields

_HEADER: Final = """\
# Settings of Travel GPT on this machine, for `make run` and for travel-gpt. Every line is a comment: take
# away the # of those that you want. A variable that is exported wins over this file.
# docs/settings.md has every setting. No deployed function reads this file.
"""
_KEY: Final = """\
# The key of the model's server. It is safer outside of this file:
#   read -rs OPENAI_API_KEY; export OPENAI_API_KEY
# A server that is named below receives a key of this file, and no exported or stored one without a question.
# OPENAI_API_KEY=
"""
_SECTIONS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("The model", ("OPENAI_BASE_URL", "OPENAI_MODEL", "OPENAI_API", "OPENAI_MAX_OUTPUT_TOKENS")),
    ("The local server (make run)", ("HOST", "PORT", "ANSWER_WITHIN_SECONDS", "API_ACCESS", "LOG_LEVEL")),
    (
        "Where the key is kept, if not in OPENAI_API_KEY",
        ("CREDENTIAL_SOURCE", "OPENAI_SECRET_NAME", "CREDENTIAL_FILE", "VAULT_ADDR", "VAULT_PATH"),
    ),
    ("The AWS account", ("AWS_PROFILE", "AWS_REGION")),
)
_OTHERS: Final = {
    "HOST": ("127.0.0.1", "The address to serve on. 0.0.0.0 lets other machines in."),
    "PORT": ("3000", "The port, 0 for a free one."),
    "ANSWER_WITHIN_SECONDS": ("28", "Seconds within which an answer must be there."),
    "API_ACCESS": (
        "open",
        "Who may POST: open takes anyone; api-key asks for the header x-api-key, as a deployed stack does.",
    ),
    "AWS_PROFILE": ("default", "The profile whose credentials are used."),
    "AWS_REGION": ("eu-west-1", "The region."),
}


def init(folder: Path, console: Console) -> None:
    """Write the file, readable by its owner alone.

    Args:
        folder: where.
        console: where to say what is done.

    Raises:
        CliError: there is one and the person does not want another, or it cannot be written.
    """
    path = folder / NAME
    if path.is_symlink() or path.exists():
        question = f"{path} is there already, and what it holds would be lost. Replace it?"
        if not console.ask(question, f"{path} is there already: move it away, then repeat."):
            raise CliError("Nothing was changed.")
    try:
        replace_file(path, template())
    except OSError as failed:
        raise CliError(f"{path} cannot be written: {failed.strerror}. Nothing was changed.") from None
    console.good(f"Wrote {path}, readable by you alone. It sets nothing yet: every line is a comment.")
    if git_leaves(path):
        console.note(f"git does not ignore {NAME} here. Add it to .gitignore before it holds a key.")
    console.next("make run", "try it on this machine")


def template() -> str:
    """Return the text of the file: the useful variables with their defaults, each in a comment."""
    described = {spec.variable: (str(spec.default), spec.describes) for spec in settings_fields()} | _OTHERS
    parts = [_HEADER, _KEY]
    for title, names in _SECTIONS:
        lines = [f"# --- {title}"]
        for name in names:
            default, describes = described[name]
            lines += [f"# {line}" for line in wrap(describes, 100, break_on_hyphens=False)]
            lines.append(f"# {name}={default}")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)
