"""What is written: JSON lines without credentials, quiet libraries, and a metric that an alarm can watch."""

import io
import json
import logging
import subprocess
import sys
import time
from typing import Any

import pytest

from travel_gpt.errors import CredentialsUnavailable
from travel_gpt.redaction import guard
from travel_gpt.telemetry import RedactingFormatter, audit, count, describe, flush_metrics, logger

KEY = "Xq7ZkV9wJ3pYtB5mHx2RfN8dLs6GcQ4vUj"


def line_of(log: io.StringIO) -> dict[str, Any]:
    (line,) = log.getvalue().splitlines()
    parsed: dict[str, Any] = json.loads(line)
    return parsed


def test_a_line_is_json_with_the_service_and_what_was_added(log: io.StringIO) -> None:
    logger.info("Answered a request", extra={"status": 200, "query_length": 12})

    line = line_of(log)
    assert line["message"] == "Answered a request"
    assert (line["level"], line["service"], line["status"]) == ("INFO", "travel-gpt", 200)
    assert line["timestamp"]


def test_given_a_guarded_value_anywhere_in_a_line_then_it_is_masked(log: io.StringIO) -> None:
    guard(KEY)

    failure = ValueError(f"could not send {KEY}")
    logger.error("failed with %s", KEY[4:20], extra={"detail": [KEY], KEY: 1}, exc_info=failure)

    assert not {KEY[at : at + 8] for at in range(len(KEY) - 7) if KEY[at : at + 8] in log.getvalue()}
    line = line_of(log)
    assert (line["message"], line["detail"]) == ("failed with [redacted]", ["[redacted]"])
    assert "could not send [redacted]" in line["exception"]


def test_any_script_is_written_as_it_is(log: io.StringIO) -> None:
    logger.info("東京 🏖️ Kraków", extra={"detail": 'a "quote" and \\ and\nmore'})

    assert "東京 🏖️ Kraków" in log.getvalue()
    assert line_of(log)["detail"] == 'a "quote" and \\ and\nmore'


def test_given_half_a_character_then_the_line_is_written_all_the_same() -> None:
    # A server's message may end in half of a surrogate pair, and Lambda's stream is strict UTF-8.
    record = logging.makeLogRecord({"msg": "said \ud83c", "levelname": "INFO", "name": "x"})

    line = RedactingFormatter(service="travel-gpt").format(record)

    assert json.loads(line.encode())["message"] == "said ?"


def test_given_a_debug_line_at_the_default_level_then_nothing_is_written(log: io.StringIO) -> None:
    logger.debug("details")

    assert log.getvalue() == ""


def test_an_audit_event_says_who_did_what_with_which_version_and_how_long_it_took(
    log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "travel-gpt-backend-TravelGPTFunction")

    audit(
        "credential.fetch",
        outcome="success",
        source="secrets-manager",
        version="v1",
        began=time.perf_counter(),
        tries=2,
    )

    line = line_of(log)
    assert (line["level"], line["message"]) == ("AUDIT", "Audit")
    assert 0 <= line["audit"].pop("milliseconds") < 1000
    assert line["audit"] == {
        "event": "credential.fetch",
        "who": "travel-gpt-backend-TravelGPTFunction",
        "outcome": "success",
        "source": "secrets-manager",
        "version": "v1",
        "tries": 2,
    }


@pytest.mark.parametrize("level", ["WARNING", "ERROR", "CRITICAL"])
def test_no_log_level_drops_an_audit_event(log: io.StringIO, level: str) -> None:
    logger.setLevel(level)

    audit("secret.put", outcome="success", who="ana")

    assert line_of(log)["audit"] == {"event": "secret.put", "who": "ana", "outcome": "success"}


def test_an_audit_event_is_masked_like_every_line(log: io.StringIO) -> None:
    guard(KEY)

    audit("secret.put", outcome="success", version=KEY)

    assert KEY[:8] not in log.getvalue()


def test_the_root_logger_does_not_get_our_lines_to_write_them_again_unmasked() -> None:
    assert logger.propagate is False


@pytest.mark.parametrize("library", ["boto3", "botocore", "urllib3", "openai", "httpx2", "httpcore2"])
@pytest.mark.parametrize("child", ["", ".parsers", ".deep.below"])
def test_given_a_root_logger_at_debug_then_libraries_that_write_what_they_receive_stay_quiet(
    library: str, child: str
) -> None:
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.DEBUG)
    try:
        assert not logging.getLogger(library + child).isEnabledFor(logging.INFO)
        assert logging.getLogger(library + child).isEnabledFor(logging.WARNING)
    finally:
        root.setLevel(before)


def test_a_metric_is_written_where_and_as_the_alarm_looks_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    count("CredentialFailure")
    flush_metrics()

    document = json.loads(capsys.readouterr().out)
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("TravelGPT", [["service"]])
    assert directive["Metrics"] == [{"Name": "CredentialFailure", "Unit": "Count"}]
    assert (document["service"], document["CredentialFailure"]) == ("travel-gpt", [1.0])


def test_metrics_of_one_invocation_go_out_together_and_once(capsys: pytest.CaptureFixture[str]) -> None:
    count("CredentialFailure")
    count("CredentialFailure", 2)
    count("CredentialStale")
    flush_metrics()
    flush_metrics()

    (line,) = capsys.readouterr().out.splitlines()
    document = json.loads(line)
    assert (document["CredentialFailure"], document["CredentialStale"]) == ([1.0, 2.0], [1.0])


def test_given_nothing_was_counted_then_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    flush_metrics()

    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def test_a_failure_is_described_by_its_types_alone() -> None:
    inner = OSError(f"quotes {KEY}")
    middle = ConnectionError(KEY)
    middle.__cause__ = inner
    outer = CredentialsUnavailable(KEY)
    outer.__cause__ = middle

    assert describe(outer) == [
        "travel_gpt.errors.CredentialsUnavailable",
        "builtins.ConnectionError",
        "builtins.OSError",
    ]


def test_a_chain_that_bites_its_tail_is_described_too() -> None:
    first, second = ValueError(), TypeError()
    first.__cause__, second.__cause__ = second, first

    assert len(describe(first)) == 5


IMPORT_ALL = """
import logging, os, pkgutil

def state():
    names = "boto3", "botocore", "urllib3", "openai", "httpx2"
    ours = [logging.getLogger(), logging.getLogger("travel_gpt")]
    return (
        [(log.level, log.propagate, list(log.handlers)) for log in ours],
        [logging.getLogger(name).level for name in names],
        dict(os.environ),
    )

before = state(), logging.getLevelName(60)
import travel_gpt
entry_points = {"travel_gpt.handler", "travel_gpt.stream_handler", "travel_gpt.rotator"}
names = {module.name for module in pkgutil.walk_packages(travel_gpt.__path__, "travel_gpt.")} - entry_points
names = {name for name in names if not name.endswith("__main__")}
for name in sorted(names):
    __import__(name)
assert (state(), logging.getLevelName(60)) == before, "importing changed something"
print(len(names))
"""


def test_importing_any_module_changes_neither_logging_nor_the_environment() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", IMPORT_ALL],
        env={"OPENAI_LOG": "off", "AWS_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[-1]) > 100
