"""Each command of the documents is one that its program accepts, and has no key in it.

tests/infrastructure has those of sam.
"""

import contextlib
import io
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import jmespath  # type: ignore[import-untyped]
import pytest
from botocore import xform_name
from botocore.validate import validate_parameters
from pip._internal.commands import create_command
from typer.main import get_command

from tests.support.documented_commands import KEY, PAGES, commands, scripts, started
from tests.support.markdown import ROOT, Page
from travel_gpt.cli.app import app
from travel_gpt.cli.deploy.options import read_options

CHECKED = {
    *("aws", "curl", "git", "make", "openssl", "tr", "./deploy.sh", "sam", "travel-gpt"),
    *(".venv/run/bin/travel-gpt", "python", ".venv/dev/bin/python", ".venv/cloud/bin/python"),
    # tests/integration/test_who_read_the_key.py runs the program that python3 is given.
    "python3",
    # An example: any program that writes the key to its standard output.
    "pass",
    "vault",
}
# Vault is not installed here. Source: developer.hashicorp.com/vault/docs/commands, "kv put" and "write".
VAULT = {
    "kv put -mount=secret travel-gpt/openai-api-key api_key=-",
    "kv metadata delete",
    (
        "write auth/aws/role/travel-gpt auth_type=iam bound_iam_principal_arn=ROLE_ARN "
        "token_policies=travel-gpt token_ttl=1h"
    ),
}


def each(*programs: str) -> pytest.MarkDecorator:
    found = started(*programs)
    assert found, programs
    return pytest.mark.parametrize("words", [words for _, words in found], ids=[line for line, _ in found])


@pytest.mark.parametrize("name", PAGES)
def test_bash_runs_each_block_and_the_key_is_in_no_argument(name: str) -> None:
    for words in commands(name):
        assert words[0] in CHECKED, words
        assert not any(KEY in word for word in words), words


def test_a_program_that_no_test_accounts_for_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "tests.support.documented_commands.scripts", lambda page: [*scripts(page), "terraform apply"]
    )
    with pytest.raises(AssertionError, match="terraform: command not found"):
        commands.__wrapped__("SECURITY.md")


def test_the_blocks_and_the_spans_are_found() -> None:
    assert {" ".join(words[:2]) for _, words in started("aws")} >= {
        "login",
        "secretsmanager create-secret",
        "secretsmanager put-secret-value",
        "secretsmanager delete-secret",
        "lambda put-function-concurrency",
        "apigateway get-api-key",
    }
    assert len(started("deploy.sh")) > 40
    assert len(started("travel-gpt")) > 20
    assert ["./deploy.sh", "--dry-run"] in commands("README.md"), "a block of a terminal, and a span"
    assert ["travel-gpt", "init"] in commands("README.md")


@each("deploy.sh")
def test_deploy_sh(words: list[str]) -> None:
    # Every "Name=Value" of the manual is a placeholder.
    options = read_options([word for word in words if word != "--help"])
    assert options is not None
    template = (ROOT / "template.yaml").read_text(encoding="utf-8")
    for name in options.parameters.keys() - {"Name"}:
        assert f"\n  {name}:\n    Type: " in template


@each("travel-gpt")
def test_travel_gpt(words: list[str]) -> None:
    command: Any = get_command(app)
    while words and (below := getattr(command, "commands", {}).get(words[0])):
        command, words = below, words[1:]
    # Without options it may be a mention of the command, not a command line.
    if words:
        command.make_context(command.name, list(words))
    else:
        assert command.name


@each("make")
def test_make(words: list[str]) -> None:
    subprocess.run(["make", "--dry-run", *words], cwd=ROOT, capture_output=True, check=True)


@each("git", "openssl", "tr")
def test_programs_of_the_system(words: list[str]) -> None:
    if words[0] in {"pull", "checkout"}:
        assert subprocess.run(["git", words[0], "-h"], capture_output=True, check=False).returncode == 129
    elif words[0] == "rand":
        assert len(subprocess.run(["openssl", *words], capture_output=True, check=True).stdout.strip()) == 44
    else:
        assert words == ["+/", "-_"]


@each("python")
def test_python(words: list[str]) -> None:
    if words[:3] == ["-m", "pip", "install"]:
        options, _ = create_command("install").parser.parse_args(words[3:])
        for path in (*options.requirements, *options.editables):
            assert (ROOT / path).exists()
    else:
        assert words[:2] == ["-m", "pytest"] or words[0].endswith(".py")
        for path in (word for word in words[:3] if "/" in word):
            assert (ROOT / path).exists()


@each("vault")
def test_vault(words: list[str]) -> None:
    assert " ".join(words) in VAULT


@each("curl")
def test_curl(words: list[str]) -> None:
    # tests/integration/test_local_server.py and test_local_stream.py send them.
    assert [
        word
        for word in words
        if re.fullmatch(r"http\S+/Prod/travel-gpt(\?verify=true|/stream(/[\w-]+/stop)?)?", word)
    ]


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def _converted(shape: Any, values: list[str]) -> Any:
    """Return the values of an option as the AWS CLI reads them, its shorthand for structures included."""
    match shape.type_name:
        case "list":
            return [_converted(shape.member, [value]) for value in values]
        case "structure":
            pairs = (pair.split("=", 1) for value in values for pair in value.split(","))
            return {name: _converted(shape.members[name], [value]) for name, value in pairs}
        case "integer" | "long":
            return int(values[0])
        case "boolean":
            return True
        case _:
            return values[0]


@each("aws")
def test_aws(words: list[str]) -> None:
    # Commands of the AWS CLI itself.
    if words[0] == "configure" or words == ["login"]:
        assert words == ["login"] or words[1:3] in (["get", "cli_history"], ["set", "cli_history"])
        return
    service, operation, *options = words
    model = _model(service)
    by_command = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(by_command[operation]).input_shape
    members = {xform_name(name, "-"): name for name in shape.members} if shape else {}
    # The AWS CLI has a pair of options for each yes or no: --name and --no-name.
    members |= {
        f"no-{option}": name for option, name in members.items() if shape.members[name].type_name == "boolean"
    }
    given: dict[str, list[str]] = {}
    for word in options:
        if word.startswith("--"):
            given[word[2:]] = []
        else:
            given[list(given)[-1]].append(word)
    if query := given.pop("query", None):
        jmespath.compile(query[0])
    for name in ("output", "region", "profile"):
        given.pop(name, None)
    parameters = {members[name]: _converted(shape.members[members[name]], given[name]) for name in given}
    if shape:
        validate_parameters(parameters, shape)


def test_every_fenced_block_has_a_language_that_is_tested() -> None:
    for name in PAGES:
        # tests/integration/test_python_page.py runs those in Python.
        python = {"python"} if name == "docs/python.md" else set()
        for language, block in Page.read(name).fenced:
            assert language in {"sh", "console", "json", "mermaid", "sql", "text"} | python, block


# What a clone makes for itself; see .gitignore.
MADE = {".venv", ".git", ".cache", ".hypothesis", ".aws-sam", "build", "dist", "__pycache__"}
NAME = re.compile(r"travel[-_.]gpt")
FROM_AN_INDEX = re.compile(
    # An installer and the bare name behind it, in one command; a path or a URL may follow no such name.
    r"""\b(?:pip3?|pipx|uvx?)\b[^\n`;|&]{0,120}?[\s'"]travel[-_.]gpt(?![\w./-])"""
    # An extra of it, wherever it stands: {..} is how a message fills one in.
    r"""|\btravel[-_.]gpt\[[\w{]"""
)


def lines() -> Iterator[tuple[Path, str]]:
    """Each line with the project's name in it: the search of all others takes seconds."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in MADE and not name.endswith("_cache")]
        for path in (Path(folder, name) for name in names):
            if path.is_file() and path != Path(__file__):
                text = path.read_text(encoding="utf-8", errors="ignore")
                yield from ((path.relative_to(ROOT), line) for line in text.splitlines() if NAME.search(line))


def test_no_file_says_to_install_the_project_from_an_index() -> None:
    assert [(str(path), line) for path, line in lines() if FROM_AN_INDEX.search(line)] == []


@pytest.mark.parametrize(
    "command",
    [
        "pip install travel-gpt",
        "pip install 'travel-gpt[vault]'",
        "    f\"pip install 'travel-gpt[{self.name}]', or",
        "python -m pip install --upgrade travel_gpt",
        "uv pip install travel-gpt==0.1",
        "uvx travel-gpt doctor",
        "pipx install travel-gpt",
    ],
)
def test_the_search_finds(command: str) -> None:
    assert FROM_AN_INDEX.search(command)


def test_no_upload_of_the_project_is_accepted_by_a_public_index() -> None:
    # https://pypi.org/classifiers/: a package with a classifier that begins with "Private ::" is rejected.
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert "Private :: Do Not Upload" in project["classifiers"]


_SECRETS = r"(?:[A-Z_]*API_KEY|OPENAI_ADMIN_KEY|VAULT_TOKEN|TRAVEL_GPT_MASTER_KEYS)"
# A value, quoted or not, or a mark for one. No value: a variable of the shell or of Python, white space.
COMMAND_WITH_KEY = re.compile(rf"\b{_SECRETS}=[\"']?[^\s\"'$`{{\\)]")
PLACES = ("*.md", "*.sh", "*.toml", "*.yaml", "Makefile", "docs/*", "scripts/**/*.py", "travel_gpt/**/*.py")


def texts() -> Iterator[Path]:
    """Everything that a person reads or that prints something to them. Tests are not: they write ``.env``."""
    for place in PLACES:
        yield from (path for path in ROOT.glob(place) if path.is_file())


def test_no_text_shows_a_command_with_a_key() -> None:
    read = list(texts())
    assert {"README.md", "deploy.sh", "environment.py", "errors.md"} <= {path.name for path in read}

    for path in read:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert not COMMAND_WITH_KEY.search(line), f"{path.relative_to(ROOT)}:{number}: {line}"


@pytest.mark.parametrize(
    "line",
    [
        "OPENAI_API_KEY=sk-... ./deploy.sh",
        "OPENAI_API_KEY='sk-…' make run",
        "export VAULT_TOKEN=hvs.x; make run",
    ],
)
def test_such_a_command_is_recognised(line: str) -> None:
    assert COMMAND_WITH_KEY.search(line)


def test_the_help_of_deploy_sh_opens_with_a_command_that_asks_for_the_key() -> None:
    helped = io.StringIO()
    with contextlib.redirect_stdout(helped):
        assert read_options(["--help"]) is None

    commands = re.findall(r"^    (\S.*)$", helped.getvalue(), re.MULTILINE)
    assert commands[0].split("  ")[0] == "./deploy.sh"
    assert "read -rs OPENAI_API_KEY; export OPENAI_API_KEY; ./deploy.sh" in commands
    assert not COMMAND_WITH_KEY.search(helped.getvalue())
