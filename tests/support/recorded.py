"""Recorded answers of AWS and of OpenAI, for the tests that hold the fakes against them.

The recordings are not part of this project. They are looked for in the folder that TRAVEL_GPT_RECORDED
names, else in ``../shared/data/recorded`` beside the clone; a test that needs one is skipped where neither is
there. Each file has one JSON object per line; its README says what was masked and which bodies were decoded.
"""

import functools
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

ROOT = Path(__file__).resolve().parents[2]
# What the recorder wrote for a moment in time.
_MOMENTS = frozenset({"datetime", "date"})
_MASK = re.compile(r"<[^<>]+>")
# How SDKs and CloudFormation print an error: the code with the text after it, or before it.
_PRINTED = (
    re.compile(
        r"An error occurred \((?P<code>\w+)\) when calling the \w+ operation: (?P<message>.*)", re.DOTALL
    ),
    re.compile(r"api error (?P<code>\w+): (?P<message>.*)", re.DOTALL),
    re.compile(r"(?P<message>.*?) \(Service: \w+; Status Code: \d+; Error Code: (?P<code>\w+);", re.DOTALL),
    re.compile(r"(?:^|: )(?P<code>\w+Exception): (?P<message>.*?)(?:\s+status code: .*)?$", re.DOTALL),
)


@dataclass(frozen=True)
class Recording:
    """One recorded answer.

    Attributes:
        name: ``service/operation/case``, unique in its file.
        status: the HTTP status; None where the source shows none.
        headers: those seen, by lower-case name.
        body: JSON, or the text as found; None where the source shows none.
        note: what to know before relying on it.
    """

    name: str
    status: int | None
    headers: Mapping[str, str]
    body: Any
    note: str

    @property
    def error(self) -> tuple[str, str]:
        """The code and the text of an error, however the source shows it.

        Raises:
            ValueError: it shows none.
        """
        if isinstance(self.body, dict):
            found = self.body.get("Error", self.body)
            code = found.get("Code") or found.get("__type", "").rpartition("#")[2]
            if code:
                return code, found.get("Message", found.get("message", ""))
        for printed in _PRINTED:
            if isinstance(self.body, str) and (match := printed.search(self.body)):
                return match["code"], match["message"]
        raise ValueError(f"{self.name} shows no error code")


def folder() -> Path:
    """Where the recordings are, if they are here."""
    return Path(os.environ.get("TRAVEL_GPT_RECORDED") or ROOT.parent / "shared/data/recorded")


def recordings(file: str) -> dict[str, Recording]:
    """Every line of a file, by name; skips the test where there are no recordings.

    Args:
        file: its name without ``.jsonl``.
    """
    path = folder() / f"{file}.jsonl"
    if not path.is_file():
        pytest.skip("There are no recorded answers here (TRAVEL_GPT_RECORDED names their folder).")
    return _read(path)


def recording(name: str, file: str = "aws") -> Recording:
    """One line of a file, by ``service/operation/case``; skips the test where there are no recordings."""
    return recordings(file)[name]


@functools.cache
def _read(path: Path) -> dict[str, Recording]:
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        each = json.loads(line)
        name = f"{each['service']}/{each['operation']}/{each['case']}"
        headers = {key.lower(): value for key, value in (each["headers"] or {}).items()}
        found[name] = Recording(name, each["status"], headers, each["body"], each["note"])
    return found


def assert_same_refusal(error: ClientError, recorded: Recording, *, wording: bool = True) -> None:
    """Hold an error that botocore raised against a recorded one: status, code, text, case of the key.

    Args:
        error: what the call to the fake raised.
        recorded: what AWS answered.
        wording: whether the text has to be the same but for the masked parts.
    """
    answered = error.response
    code, message = recorded.error
    if recorded.status is not None:
        assert answered["ResponseMetadata"]["HTTPStatusCode"] == recorded.status
    assert answered["Error"]["Code"] == code
    if wording:
        assert unmasked(message).fullmatch(answered["Error"]["Message"]), answered["Error"]["Message"]
    for key in ("Message", "message"):
        # botocore shows the member under the key that was on the wire; the other case is lost.
        if isinstance(recorded.body, dict) and key in recorded.body:
            assert key in answered, f"the wire has another case of {key!r}: {answered}"


def refusal(ask: Callable[..., Any], *given: Any, **parameters: Any) -> ClientError:
    """The error that botocore raises for a call with these arguments."""
    with pytest.raises(ClientError) as refused:
        ask(*given, **parameters)
    return refused.value


def differences(recorded: Any, answered: Any, path: str = "$") -> list[str]:
    """Where an answer of a fake differs from a recorded one. Masked parts may be anything of their kind."""
    if isinstance(recorded, dict) and isinstance(answered, dict):
        here = [f"{path}: no {key}" for key in recorded.keys() - answered.keys()]
        here += [f"{path}: {key} is too many" for key in answered.keys() - recorded.keys()]
        shared = recorded.keys() & answered.keys()
        return sorted(here) + [
            each
            for key in sorted(shared)
            for each in differences(recorded[key], answered[key], f"{path}.{key}")
        ]
    if isinstance(recorded, list) and isinstance(answered, list) and len(recorded) == len(answered):
        pairs = enumerate(zip(recorded, answered, strict=True))
        return [each for at, (one, other) in pairs for each in differences(one, other, f"{path}[{at}]")]
    if isinstance(answered, datetime) and recorded in _MOMENTS:
        return []
    if isinstance(recorded, str) and isinstance(answered, str) and unmasked(recorded).fullmatch(answered):
        return []
    return [] if recorded == answered else [f"{path}: {answered!r}, recorded {recorded!r}"]


def unmasked(text: str) -> re.Pattern[str]:
    """A pattern of a recorded text, whose masked parts may be anything."""
    return re.compile(".+".join(map(re.escape, _MASK.split(text))), re.DOTALL)
