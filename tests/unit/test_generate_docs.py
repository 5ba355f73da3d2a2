"""scripts/generate_docs.py: what it writes, and what it says when that is out of date."""

import shutil
from pathlib import Path

import pytest

from scripts import generate_docs
from scripts.docs.errors_page import GATEWAY_ONLY, OCCASIONS, errors_page
from scripts.docs.openapi_document import openapi_document
from scripts.docs.openapi_schemas import schemas
from scripts.docs.settings_page import Choice, Reference, StackTemplate, allowed, settings_page
from scripts.docs.tables import table
from tests.support.markdown import ROOT
from travel_gpt.credentials.sources.environment import EnvironmentSource
from travel_gpt.credentials.sources.master_keys import VARIABLE
from travel_gpt.errors import HTTP_STATUS
from travel_gpt.local.responses import REFUSALS
from travel_gpt.settings import SettingSpec, settings_fields


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "template.yaml", tmp_path)
    return tmp_path


def test_what_was_just_written_is_up_to_date(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate_docs.main([], clone) == 0
    written = capsys.readouterr().out

    assert generate_docs.main(["--check"], clone) == 0
    for name in ("docs/settings.md", "docs/errors.md", "docs/openapi.json", "docs/command.md"):
        assert f"{name}: written" in written
        assert (clone / name).is_file()
    assert capsys.readouterr() == ("", "")


def test_a_check_names_each_stale_file_and_the_command_and_changes_nothing(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate_docs.main([], clone)
    (clone / "docs/errors.md").write_text("by hand", encoding="utf-8")
    (clone / "docs/openapi.json").unlink()
    capsys.readouterr()

    assert generate_docs.main(["--check"], clone) == 1

    assert capsys.readouterr().err.splitlines() == [
        "docs/errors.md is out of date with the code. Refresh it with: make docs",
        "docs/openapi.json is out of date with the code. Refresh it with: make docs",
    ]
    assert (clone / "docs/errors.md").read_text(encoding="utf-8") == "by hand"


@pytest.mark.parametrize(
    ("variable", "parameter"),
    [
        ("CREDENTIAL_SOURCE", "`workload-identity` or `secrets-manager`, by `Keyless`"),
        ("OPENAI_IDENTITY_PROVIDER_ID", "`OpenAIIdentityProviderId` or empty, by `Keyless`"),
        ("CREDENTIAL_ROTATION_DAYS", "`RotationDays` or `0`, by `AdminSecretName` and `Keyless`"),
        ("OPENAI_MAX_RETRIES", "none; the template leaves the default"),
        ("POWERTOOLS_SERVICE_NAME", "none; the stack's name"),
        ("POWERTOOLS_METRICS_NAMESPACE", "none; the template says `TravelGPT`"),
    ],
)
def test_a_variable_is_shown_with_what_the_template_sets_it_by(variable: str, parameter: str) -> None:
    page = settings_page(StackTemplate.read(ROOT / "template.yaml"))

    (row,) = [line for line in page.splitlines() if line.startswith(f"| `{variable}`")]
    assert row.split("|")[-2].strip() == parameter


def test_both_forms_of_a_condition_are_read(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(
        "Parameters: {A: {}, B: {}}\n"
        "Conditions:\n"
        "  First: !Equals [!Ref A, x]\n"
        "  Both: !And [{Condition: First}, !Condition First, {'Fn::Equals': [!Ref B, y]}]\n"
        "Resources: {TravelGPTFunction: {Properties: {Environment: {Variables: {\n"
        "  SHORT: !If [Both, !Ref A, ''], LONG: {'Fn::If': [First, one, two]}}}}}}\n",
        encoding="utf-8",
    )

    assert StackTemplate.read(template).variables == {
        "SHORT": Choice(("A", "B"), Reference("A"), ""),
        "LONG": Choice(("A",), "one", "two"),
    }


@pytest.mark.parametrize("value", ["!GetAtt A.B", "!If [C, [], x]", "1"])
def test_a_variable_that_cannot_be_documented_is_refused(value: str, tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(
        "Parameters: {}\nConditions: {C: !Equals [a, b]}\n"
        f"Resources: {{TravelGPTFunction: {{Properties: {{Environment: {{Variables: {{X: {value}}}}}}}}}}}\n",
        encoding="utf-8",
    )

    with pytest.raises(ValueError, match="is neither a text, !Ref nor !If"):
        StackTemplate.read(template)


def test_a_setting_is_shown_with_what_it_may_be_and_what_sets_it() -> None:
    page = settings_page(StackTemplate.read(ROOT / "template.yaml"))

    (row,) = [line for line in page.splitlines() if line.startswith("| `CREDENTIAL_TTL_SECONDS`")]
    assert [cell.strip() for cell in row.split("|")[1:-1]] == [
        "`CREDENTIAL_TTL_SECONDS`",
        "`300`",
        "Seconds that a fetched key is used before Secrets Manager is asked again.",
        "a whole number from 1 to 86400",
        "`CredentialTtlSeconds`",
    ]
    for spec in settings_fields():
        default = "none" if spec.default == "" else f"`{spec.default}`"
        assert f"| `{spec.variable}` | {default} |" in page
    assert "| `AWS_REGION` |" in page
    assert "| `AWS_ENDPOINT_URL` |" in page
    for secret in (VARIABLE, *EnvironmentSource("travel-gpt/openai-api-key")._variables, "VAULT_TOKEN"):
        assert f"| `{secret}` |" in page


def test_a_setting_that_takes_anything_cannot_be_documented() -> None:
    with pytest.raises(ValueError, match="ANYTHING"):
        allowed(SettingSpec("The group", "anything", "ANYTHING", "", "", str))


def test_the_page_of_errors_has_every_code_with_its_statuses() -> None:
    page = errors_page()

    for kind in HTTP_STATUS:
        assert f"\n## {kind.code}\n" in page
        assert kind.message in page
    assert "| [`credential_rejected`](#credential_rejected) | 503 (GET), 502 (POST) |" in page
    assert "| [`not_found`](#not_found) | 404 |" in page
    assert "(`QUOTA_EXCEEDED`)" in page


def test_every_refusal_of_api_gateway_is_explained() -> None:
    assert [occasion.kind for occasion in OCCASIONS] == list(REFUSALS)
    known = {kind.code for kind in HTTP_STATUS} | set(GATEWAY_ONLY)
    assert {refusal.code for refusal in REFUSALS.values()} <= known


def test_a_bar_in_a_cell_does_not_end_it() -> None:
    assert table(("a",), [("b|c",)]) == "| a |\n| --- |\n| b\\|c |"


def test_what_the_document_requires_of_health_is_what_the_function_sends() -> None:
    body = openapi_document()["paths"]["/travel-gpt"]["get"]["responses"]["200"]["content"]
    examples = {name: value["value"] for name, value in body["application/json"]["examples"].items()}
    health = schemas()["Health"]

    assert set(examples["demo"]) == set(health["required"])
    assert set(examples["verified"]) == set(health["properties"]) - {"warnings", "last_call"}
    assert set(examples["health"]) == set(health["properties"]) - {"warnings", "verified"}
