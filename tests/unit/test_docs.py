"""The pages say what the code and the template say."""

import importlib
import re
import subprocess
import tomllib
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import botocore.session
import pytest
from openai.auth._workload import DEFAULT_TOKEN_EXCHANGE_URL
from typer.main import get_command

from scripts.docs.settings_page import StackTemplate
from tests.support.markdown import ROOT, Page, pages
from travel_gpt import client
from travel_gpt.advisor.adviser import INSTRUCTIONS
from travel_gpt.advisor.reference.lookup import Reference
from travel_gpt.api.request import MAX_BODY_BYTES, MAX_QUERY_CHARACTERS
from travel_gpt.cli.app import app
from travel_gpt.env_file import OF_CREDENTIALS
from travel_gpt.errors import HTTP_STATUS, CredentialError, UpstreamError
from travel_gpt.local.responses import REFUSALS
from travel_gpt.settings import Settings, settings_fields

OPERATIONS = {path.stem: Page.read(str(path.relative_to(ROOT))) for path in ROOT.glob("docs/operations/*.md")}
INCIDENTS, ALARMS_PAGE, LOGS = (OPERATIONS[name] for name in ("incidents", "alarms", "logs"))
# As one line, without the line breaks.
SAID = " ".join(" ".join(page.text for page in OPERATIONS.values()).split())
TEMPLATE = (ROOT / "template.yaml").read_text(encoding="utf-8")
PARAMETERS = StackTemplate.read(ROOT / "template.yaml").parameters
CODE = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "travel_gpt").rglob("*.py"))
COMMAND: Any = get_command(app)
OPTIONS_OF_TRAVEL_GPT = {
    name
    for each in (
        *COMMAND.commands.values(),
        *COMMAND.commands["secret"].commands.values(),
        *COMMAND.commands["client"].commands.values(),
        COMMAND,
    )
    for option in each.params
    for name in option.opts
}
METRICS = set(re.findall(r'count\("(\w+)"', CODE))
ALARMS = set(re.findall(r"AlarmName: !Sub \$\{AWS::StackName\}(-[a-z0-9-]+)", TEMPLATE))

each_page = pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.path.relative_to(ROOT)))


@each_page
def test_each_link_leads_somewhere(page: Page) -> None:
    for link in page.links:
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (page.path.parent / file).resolve() if file else page.path
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        if anchor:
            assert anchor in Page.read(str(target.relative_to(ROOT))).anchors, link


def test_no_sentence_is_on_two_pages() -> None:
    pages_of: dict[str, set[str]] = {}
    for page in pages():
        for sentence in re.split(r"(?<=[.:])\s+(?=[A-Z*`])|\n\n|\n[-|] ", page.prose):
            # A message that is quoted on several pages ends with its quotation mark.
            if len(plain := " ".join(sentence.split())) > 70 and not plain.endswith("`"):
                pages_of.setdefault(plain, set()).add(page.path.name)

    assert {sentence: names for sentence, names in pages_of.items() if len(names) > 1} == {}


def test_each_page_that_the_code_names_exists() -> None:
    sources = [*(ROOT / "travel_gpt").rglob("*.py"), ROOT / "template.yaml", ROOT / "Makefile"]
    named = {
        name
        for path in sources
        for name in re.findall(r"\b(?:docs/[\w/-]+|[A-Z]{4,})\.md\b", path.read_text("utf-8"))
    }

    assert {"docs/operations/incidents.md", "docs/operations/rotation.md"} <= named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


@pytest.fixture(scope="module")
def deploy_options() -> set[str]:
    helped = subprocess.run(
        ["bash", "deploy.sh", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(re.findall(r"--[a-z-]+", helped.stdout))


@each_page
def test_each_option_that_is_named_exists(page: Page, deploy_options: set[str]) -> None:
    for span in page.spans:
        if span.startswith("--") and "deploy.sh" in page.text:
            # An option that can be negated is named with both names, "--a/--no-a".
            assert span.split()[0].split("/")[0] in deploy_options | OPTIONS_OF_TRAVEL_GPT, span
            for name in re.findall(r"--parameter (\w+)=", span):
                assert name in {*PARAMETERS, "Name"}, span


def test_every_command_is_on_its_page() -> None:
    commands = {f"travel-gpt-secret-{name}" for name in COMMAND.commands["secret"].commands}
    assert commands <= Page.read("docs/command.md").anchors


@each_page
def test_each_file_that_is_named_exists(page: Page) -> None:
    for span in page.spans:
        if re.fullmatch(r"(travel_gpt|scripts|tests|docs|events|benchmarks)/[\w./-]+", span):
            assert (ROOT / span).exists(), span


@each_page
def test_each_name_exists(page: Page) -> None:
    logical = set(re.findall(r"^  (\w+):$", TEMPLATE, re.MULTILINE))
    variables = {spec.variable for spec in settings_fields()}
    for span in page.spans:
        if re.fullmatch(r"[A-Z][A-Za-z]*[a-z][A-Z][A-Za-z]*", span):
            assert span in {*logical, *METRICS, *client.__all__, "RateLimit"}, span
        if re.fullmatch(r"(?:OPENAI|CREDENTIAL|API|LOG|POWERTOOLS)_[A-Z_]+", span) and span not in REFUSALS:
            # The SDK's own variable, which is never set here.
            assert span in {*variables, *OF_CREDENTIALS, "API_KEY_ID", "OPENAI_CUSTOM_HEADERS"}, span
        if match := re.fullmatch(r"travel-gpt-backend(-[a-z0-9]+-[a-z0-9-]+)", span):
            assert match[1] in ALARMS, span


def test_every_code_is_in_the_troubleshooting() -> None:
    troubleshooting = Page(INCIDENTS.path, INCIDENTS.section("Troubleshooting"))

    said = set(troubleshooting.spans)
    of_the_owner = {kind.code for kind in HTTP_STATUS if issubclass(kind, CredentialError | UpstreamError)}
    for code in of_the_owner - {"content_refused"}:
        assert troubleshooting.section(code)
    others = {kind.code for kind in HTTP_STATUS} | {refusal.code for refusal in REFUSALS.values()}
    assert others - of_the_owner <= said


def test_every_alarm_and_metric_is_documented() -> None:
    assert {f"travel-gpt-backend{name}" for name in ALARMS} <= set(ALARMS_PAGE.spans)
    assert set(ALARMS_PAGE.spans) >= METRICS


def test_every_parameter_is_on_the_page_of_settings() -> None:
    assert set(PARAMETERS) <= set(Page.read("docs/settings.md").spans)


def _alarm(name: str) -> dict[str, int]:
    described = TEMPLATE.partition(f"  {name}:\n")[2].partition("\n\n")[0]
    return {key: int(value) for key, value in re.findall(r"(\w+): (\d+)$", described, re.MULTILINE)}


def test_the_alarms_fire_when_the_page_says() -> None:
    errors, latency = _alarm("ApiServerErrorsAlarm"), _alarm("ApiLatencyAlarm")
    minutes = latency["Period"] * latency["EvaluationPeriods"] // 60

    assert (
        f"{errors['Threshold']} requests or more got a 5xx, within {errors['Period'] // 60} minutes" in SAID
    )
    seconds = latency["Threshold"] // 1000
    assert f"for {minutes} minutes, one request in twenty took {seconds} s or more" in SAID
    for name in ("CredentialFailureAlarm", "FunctionErrorsAlarm", "FunctionThrottlesAlarm"):
        assert (_alarm(name)["Threshold"], _alarm(name)["Period"]) == (1, 300)


def test_the_defaults_are_what_the_page_says() -> None:
    default = {name: spec["Default"] for name, spec in PARAMETERS.items()}
    settings = Settings()

    for phrase in (
        f"{default['HealthThrottleRate']} requests a second (`HealthThrottleRate`)",
        f"{default['DailyQuota']:,} queries a day (`DailyQuota`)",
        f"and {default['ThrottleRate']} a second (`ThrottleRate`)",
        f"kept for {default['LogRetentionDays']} days (`LogRetentionDays`",
        f"until {settings.credential_ttl} s after it fetched it (`CREDENTIAL_TTL_SECONDS`)",
        f"The {settings.credential_max_stale:,} s during which the last good key may be used longer",
        f"{settings.credential_ttl} + {settings.credential_max_stale:,} = ",
        f"the default model `{settings.model}`",
        f"{settings.max_output_tokens:,} tokens at most (`MaxOutputTokens`)",
        f"{MAX_QUERY_CHARACTERS:,} characters at most",
        f"86,400 / {settings.credential_ttl} = ",
        f"{default['BudgetPerDay']} dollars a day and {default['BudgetPerMonth']} a month at most",
        f"`DailyQuota` at {default['DailyQuota']:,} limits",
    ):
        assert phrase in SAID, phrase
    assert settings.max_retries == 2, "up to two more times"
    assert MAX_BODY_BYTES + len(INSTRUCTIONS.encode()) + 500 < 36_000, "below 36,000 bytes"
    assert MAX_QUERY_CHARACTERS * 4 < MAX_BODY_BYTES


def test_the_page_says_which_holidays_are_known() -> None:
    with closing(Reference.open()) as reference:
        years = reference.holiday_years

    said = Page.read("docs/itineraries.md").text
    assert f"known for {years[0]} to {years[-1]}." in said


def test_the_readme_says_what_an_answer_costs() -> None:
    said = " ".join(Page.read("README.md").text.split())

    found = re.search(
        r"about \$([\d.]+): ([\d,]+) tokens in at \$([\d.]+) a million and "
        r"([\d,]+) out at \$([\d.]+) a million",
        said,
    )
    assert found, "the price of an answer is not on the first screen"
    costs, given, price_in, produced, price_out = (
        float(number.replace(",", "")) for number in found.groups()
    )
    assert round((given * price_in + produced * price_out) / 1_000_000, 4) == costs
    # English has about four characters to a token; the query comes on top.
    assert len(INSTRUCTIONS) / 4 < given < len(INSTRUCTIONS) / 4 + 200
    assert produced < Settings().max_output_tokens
    (most,) = re.findall(r"no call for prose costs more than \$([\d.]+\d)", said)
    assert f"one call for prose costs at most 0.0045 + 0.00075 = {most} dollars" in SAID
    for price in (price_in, price_out):
        assert f"${price:.2f} for a million tokens" in SAID or f"${price:.2f} for a million out" in SAID


def test_the_arithmetic_is_right() -> None:
    sums = re.findall(r"([\d.,]+(?: [×/+] [\d.,]+)+) = ([\d,.]*\d)", SAID)

    assert len(sums) >= 12
    for terms, result in sums:
        # Digits and four signs, by the pattern above.
        worked_out = eval(terms.replace("×", "*").replace(",", ""))
        assert worked_out == pytest.approx(float(result.replace(",", ""))), terms


def test_the_layers_are_those_that_imports_are_held_to() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    # local, cli and client are outside, with what the first two use to read the file .env.
    layers = contracts["contracts"][0]["layers"][1:]
    wanted = [
        re.split(r" [|:] ", layer.replace("travel_gpt.", ""))
        for layer in layers
        if not layer.startswith(("travel_gpt.env_", "travel_gpt.client"))
    ]

    documented = Page.read("docs/architecture.md").section("The layers").partition(". A")[0]
    assert [re.findall(r"`(\w+)`", layer) for layer in documented.split("→")] == wanted


def test_the_waits_are_those_of_the_code() -> None:
    rows = re.findall(
        r"^\| .+ \| ([\d.]+) \| `([\w.]+)\.([A-Z_]+)` \|$", Page.read("docs/architecture.md").text, re.M
    )

    assert len(rows) >= 10
    for seconds, module, constant in rows:
        assert getattr(importlib.import_module(module), constant) == float(seconds), constant


def test_the_vpc_page_names_each_host_that_the_function_reaches() -> None:
    """Sources: the OpenAI SDK's constants, and botocore's endpoints."""
    rows = {line for line in OPERATIONS["vpc"].text.splitlines() if line.startswith("| ")}
    said = {host for row in rows for host in re.findall(r"`([a-zA-Z.]+\.com)`", row.split("|")[2])}

    session = botocore.session.get_session()
    of_aws = {
        urlsplit(session.create_client(service, region_name="eu-west-1").meta.endpoint_url).hostname
        for service in ("secretsmanager", "sts", "dynamodb")
    }
    of_openai = {urlsplit(url).hostname for url in (Settings().base_url, DEFAULT_TOKEN_EXCHANGE_URL)}
    assert {host.replace("REGION", "eu-west-1") for host in said} == of_aws | of_openai


def test_the_access_log_has_the_documented_fields() -> None:
    written = re.search(r"Format: >-\n((?: {14}.+\n)+)", TEMPLATE)
    assert written
    fields = set(re.findall(r'"(\w+)":', written[1]))

    paragraph = LOGS.text.partition("**The access log**")[2].partition(". The last is")[0]
    assert fields == set(re.findall(r"`([a-z_]+)`", paragraph)) - {"disabled"}


def test_the_picture_says_what_it_shows_to_those_who_cannot_see_it() -> None:
    picture = ET.parse(ROOT / "docs/architecture.svg").getroot()
    space = {"svg": "http://www.w3.org/2000/svg"}

    named = {element.get("id"): element.text for element in picture}
    for name in str(picture.get("aria-labelledby")).split():
        assert named[name]
    assert picture.get("role") == "img"
    style = picture.findtext("svg:style", namespaces=space) or ""
    assert "prefers-color-scheme: dark" in style
    assert picture.find("svg:rect[@class='page']", space) is not None, "a ground of its own, for any page"


def test_the_environments_start_as_samconfig_says() -> None:
    samconfig = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))
    default = {name: str(spec["Default"]) for name, spec in PARAMETERS.items()}

    def row(*names: str) -> str:
        cells = [", ".join(f"`{name}`" for name in names)]
        for section in ("default", "staging", "dev"):
            written = samconfig[section]["deploy"]["parameters"]["parameter_overrides"]
            values = default | dict(pair.split("=", 1) for pair in written)
            quote = "`" if names == ("LogLevel",) else ""
            cells.append(", ".join(f"{quote}{values[name]}{quote}" for name in names))
        return f"| {' | '.join(cells)} |"

    for names in (
        ("ThrottleRate", "ThrottleBurst"),
        ("HealthThrottleRate", "HealthThrottleBurst"),
        ("LogLevel",),
        ("LogRetentionDays",),
    ):
        assert row(*names) in OPERATIONS["deploy"].text
