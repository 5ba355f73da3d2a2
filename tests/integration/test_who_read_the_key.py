"""The queries of docs/operations/audit.md, run against events of the shape that they are written for."""

import json
import os
import re
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import cloudtrail, logs_insights as insights
from tests.fakes.cloudtrail import ACCOUNT, FUNCTION, Event, call, of_the_service
from tests.integration.conftest import KEY, Deployment
from tests.support.markdown import Page
from travel_gpt.telemetry import audit

SECTION = Page.read("docs/operations/audit.md")
Deploy = Callable[..., Deployment]

NEW_KEY = "sk-proj-n3wK3y1111111111111111111111111111111112"
NAME = "travel-gpt/openai-api-key"
ARN = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:{NAME}"
ANA = f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Admin_0a1b/ana@example.com"
BOB = f"arn:aws:iam::{ACCOUNT}:user/bob"


def at(minute: int) -> dict[str, str]:
    return {"eventTime": f"2026-11-21T08:{minute:02}:00Z"}


# Each way to name the secret, each kind of caller. The parameters are what the callers wrote.
OF_THE_SECRET: list[Event] = [
    call("CreateSecret", ANA, {"name": NAME, "description": "The OpenAI key"}, **at(1)),
    call("GetSecretValue", FUNCTION, {"secretId": NAME}, sourceIPAddress="198.51.100.20", **at(2)),
    call("GetSecretValue", ANA, {"secretId": f"{ARN}-AbCd12"}, **at(3)),
    call("GetSecretValue", BOB, {"secretId": ARN}, errorCode="AccessDenied", **at(4)),
    call("BatchGetSecretValue", BOB, {"secretIdList": ["somebody-else", NAME]}, **at(5)),
    call("PutSecretValue", ANA, {"secretId": NAME, "versionStages": ["AWSCURRENT"]}, **at(6)),
    of_the_service("RotationStarted", f"{ARN}-AbCd12", **at(7)),
    call("UpdateSecretVersionStage", ANA, {"secretId": f"{ARN}-AbCd12"}, **at(8)),
    call("DeleteSecret", ANA, {"secretId": NAME, "recoveryWindowInDays": 30}, **at(9)),
]
OF_OTHERS: list[Event] = [
    call("GetSecretValue", BOB, {"secretId": "travel-gpt/openai-api-key-backup"}, **at(11)),
    call("GetSecretValue", BOB, {"secretId": f"{ARN}-backup-AbCd12"}, **at(12)),
    call("GetSecretValue", BOB, {"secretId": "travel-gpt-dev/openai-api-key"}, **at(13)),
    call("GetSecretValue", BOB, {"secretId": f"my-{NAME}"}, **at(14)),
    call("ListSecrets", BOB, {}, **at(15)),
    # It names no secret (recorded: cloudtrail/BatchGetSecretValue/iam-user-filter).
    call("BatchGetSecretValue", BOB, {"filters": [{"key": "tag-key", "values": ["team"]}]}, **at(17)),
    of_the_service("RotationFailed", f"{ARN}2-AbCd12", **at(16)),
]
OF_STS: list[Event] = [
    call(
        "GetWebIdentityToken",
        who,
        {"audience": ["https://api.openai.com/v1"], "durationSeconds": 300},
        eventSource="sts.amazonaws.com",
        **at(20),
    )
    for who in (FUNCTION, FUNCTION.replace("travel-gpt-backend", "travel-gpt-backend-dev"))
]
EVERYTHING = [*OF_THE_SECRET, *OF_OTHERS, *OF_STS]
NEWEST_FIRST = [
    (each["eventTime"], each["eventName"]) for each in sorted(OF_THE_SECRET, key=lambda e: e["eventTime"])
][::-1]


def query(title: str) -> str:
    """The block of the page whose first line is a comment with this title."""
    (found,) = (block for block in SECTION.blocks if re.match(rf"(#|--) {re.escape(title)}", block))
    return found


@pytest.fixture
def run(tmp_path: Path) -> Callable[[str], list[str]]:
    """Type a block of the page into a shell where aws has these events; give the lines it prints."""
    cloudtrail.lay_out_aws(tmp_path, EVERYTHING)

    def typed(block: str) -> list[str]:
        done = subprocess.run(
            ["bash", "-c", block],
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return typed


class TestTheLookUp:
    def test_shows_each_event_of_the_secret_and_none_of_its_neighbours(
        self, run: Callable[[str], list[str]]
    ) -> None:
        shown = [line.split() for line in run(query("Who touched the secret\naws"))]

        assert [(time, name) for time, name, *_ in shown] == NEWEST_FIRST

    def test_says_who_from_where_and_whether_it_was_refused(self, run: Callable[[str], list[str]]) -> None:
        shown = {tuple(line.split()[1:]) for line in run(query("Who touched the secret\naws"))}

        assert ("GetSecretValue", FUNCTION, "198.51.100.20", "done") in shown
        assert ("GetSecretValue", BOB, "203.0.113.7", "AccessDenied") in shown
        by_itself = "secretsmanager.amazonaws.com"
        assert ("RotationStarted", by_itself, by_itself, "done") in shown

    def test_in_short_shows_reads_of_this_secret(self, run: Callable[[str], list[str]]) -> None:
        shown = [line.split("\t") for line in run(query("Who read it: time and session"))]

        # It cannot tell a neighbour's ARN by its end, and leaves no read of this one out.
        assert shown == [
            ["2026-11-21T08:12:00Z", "bob"],
            ["2026-11-21T08:04:00Z", "bob"],
            ["2026-11-21T08:03:00Z", "ana@example.com"],
            ["2026-11-21T08:02:00Z", "travel-gpt-backend-TravelGPTFunction"],
        ]

    def test_of_batches_shows_those_whose_event_names_no_secret(
        self, run: Callable[[str], list[str]]
    ) -> None:
        shown = [line.split("\t") for line in run(query("Who read secrets by a filter"))]

        assert shown == [["2026-11-21T08:17:00Z", "bob"]]

    def test_shows_when_the_function_requested_its_token_and_no_other_stacks(
        self, run: Callable[[str], list[str]]
    ) -> None:
        shown = [line.split("\t") for line in run(query("When the function requested its identity token"))]

        assert shown == [
            ["2026-11-21T08:20:00Z", "GetWebIdentityToken", "travel-gpt-backend-TravelGPTFunction"]
        ]


class TestATrail:
    @pytest.fixture
    def rows(self) -> list[insights.Row]:
        return insights.rows_of(map(cloudtrail.written, EVERYTHING))

    def test_in_cloudwatch_logs_shows_the_same(self, rows: list[insights.Row]) -> None:
        shown = insights.ask(query("CloudTrail: who touched the secret"), rows)

        assert [(row["eventTime"], row["eventName"]) for row in shown] == NEWEST_FIRST
        (refused,) = (row for row in shown if "errorCode" in row)
        assert (refused["userIdentity.arn"], refused["sourceIPAddress"]) == (BOB, "203.0.113.7")

    def test_shows_the_readers_that_are_not_the_function(self, rows: list[insights.Row]) -> None:
        shown = insights.ask(query("CloudTrail: who read it and is not the function"), rows)

        assert [(row["userIdentity.arn"], row["reads"]) for row in shown] == [(BOB, 2), (ANA, 1)]
        assert (shown[0]["first"], shown[0]["last"]) == ("2026-11-21T08:04:00Z", "2026-11-21T08:05:00Z")

    def test_in_athena_shows_the_same(self) -> None:
        # SQLite knows no rows in a column: that is all that is put differently.
        asked = query("Who touched the secret\nSELECT").replace(
            "useridentity.arn", "json_extract(useridentity, '$.arn')"
        )

        with closing(athena_table(EVERYTHING)) as table:
            shown = table.execute(asked).fetchall()

        assert [row[:2] for row in shown] == NEWEST_FIRST
        assert ("2026-11-21T08:04:00Z", "GetSecretValue", BOB, "203.0.113.7", "AccessDenied") in shown


def athena_table(events: list[Event]) -> sqlite3.Connection:
    """The table that CloudTrail's console makes for Athena: requests and callers as JSON."""
    columns = ("eventtime", "eventname", "eventsource", "sourceipaddress", "errorcode")
    as_json = ("useridentity", "requestparameters", "additionaleventdata")
    table = sqlite3.connect(":memory:")
    table.create_function("regexp_like", 2, lambda text, pattern: bool(re.search(pattern, text)))
    table.execute(f"CREATE TABLE cloudtrail_logs ({', '.join([*columns, *as_json])})")
    for event in events:
        fields = {name.lower(): value for name, value in event.items()}
        values = [fields.get(column) for column in columns]
        values += [cloudtrail.written(fields[name]) if fields.get(name) else None for name in as_json]
        table.execute("INSERT INTO cloudtrail_logs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
    return table


Lines = Callable[[], list[dict[str, Any]]]
Rows = Callable[[], list[insights.Row]]


@pytest.fixture
def rows(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> Rows:
    """What the function wrote into its log, as Insights finds it."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "travel-gpt-backend-TravelGPTFunction")
    return lambda: insights.rows_of(json.dumps(line) for line in lines())


@dataclass(frozen=True)
class Story:
    """Two versions of a key, and what was logged of them."""

    before: str
    after: str
    rows: list[insights.Row]


class TestTheAuditEvents:
    @pytest.fixture
    def story(self, deployment: Deployment, rows: Rows) -> Story:
        """A key that is replaced while the old one is needed, and then a store that is away."""
        (before,) = deployment.secrets.describe_secret(SecretId=NAME)["VersionIdsToStages"]
        deployment.upstream.accepted_keys = [KEY]
        assert deployment.post().status == 200
        deployment.put_secret(NEW_KEY)
        deployment.clock.advance(301)
        assert deployment.post().status == 200
        deployment.upstream.accepted_keys = [NEW_KEY]
        deployment.store.answer = (503, "ServiceUnavailable")
        deployment.clock.advance(301)
        deployment.get()
        stages = deployment.secrets.describe_secret(SecretId=NAME)["VersionIdsToStages"]
        (after,) = (version for version, labels in stages.items() if "AWSCURRENT" in labels)
        return Story(before, after, rows())

    def test_tell_what_was_done_newest_first_and_nothing_else(self, story: Story) -> None:
        shown = insights.ask(query("What was done with the key"), story.rows)

        assert [
            (row["audit.event"], row["audit.outcome"], row.get("audit.version")) for row in reversed(shown)
        ] == [
            ("credential.fetch", "success", story.before),
            ("credential.refresh", "success", story.after),
            ("credential.rejected", "credential_rejected", story.after),
            ("credential.refresh", "success", story.after),
            ("credential.fallback", "success", story.before),
            ("credential.refresh", "credentials_unavailable", None),
            ("credential.stale", "credentials_unavailable", story.after),
        ]
        assert {row["audit.who"] for row in shown} == {"travel-gpt-backend-TravelGPTFunction"}

    def test_tell_which_version_was_fetched_when(self, story: Story) -> None:
        shown = insights.ask(query("Which version of the key was fetched"), story.rows)

        assert [(row["audit.version"], row["fetches"]) for row in shown] == [
            (story.after, 2),
            (story.before, 1),
        ]
        assert {row["audit.source"] for row in shown} == {"secrets-manager"}

    def test_tell_what_did_not_go_well(self, story: Story) -> None:
        shown = insights.ask(query("What did not go well"), story.rows)

        assert [(row["audit.event"], row["audit.outcome"], row["times"]) for row in shown] == [
            ("credential.stale", "credentials_unavailable", 1),
            ("credential.refresh", "credentials_unavailable", 1),
            ("credential.rejected", "credential_rejected", 1),
        ]

    def test_tell_when_another_key_than_the_current_one_served(self, story: Story) -> None:
        shown = insights.ask(query("When a key other than the current one served"), story.rows)

        assert [row["audit.event"] for row in shown] == ["credential.stale", "credential.fallback"]
        assert shown[0]["audit.age_seconds"] >= 301
        assert (shown[1]["audit.version"], shown[1]["audit.instead_of"]) == (story.before, story.after)

    def test_show_changes_by_hand_and_by_rotations(self, rows: Rows) -> None:
        for event in ("credential.fetch", "secret.put", "rotation.create", "rotation.finish"):
            audit(event, outcome="success", source="secrets-manager", version="v-1", who="ana")

        shown = insights.ask(query("Changes of the key"), rows())

        assert [row["audit.event"] for row in shown] == ["rotation.finish", "rotation.create", "secret.put"]
        assert {row["audit.who"] for row in shown} == {"ana"}

    def test_name_fields_that_the_page_describes(self, story: Story) -> None:
        paragraph = Page.read("docs/operations/logs.md").text.partition("**An audit event**")[2]

        fields = {name for row in story.rows for name in row if name.startswith("audit.")}
        assert {f"audit.{name}" for name in re.findall(r"`([a-z]+)`", paragraph.partition("\n\n")[0])} - {
            "audit.audit"
        } == (fields - {"audit.instead_of", "audit.age_seconds"})


def test_every_query_of_the_section_is_tried() -> None:
    tried = re.findall(r'query\("([^"\\]+)', Path(__file__).read_text(encoding="utf-8"))

    for block in SECTION.blocks:
        assert block.lstrip("#- ").startswith(tuple(tried)), block
