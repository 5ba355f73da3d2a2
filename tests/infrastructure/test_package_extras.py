"""The package with the libraries that some sources of the key need, and without them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.build_package import EXTRAS, locks_for
from tests.support.packages import made_once, run_build_script, run_sam_build

OF_EXTRAS = {
    "encrypted-file": {"joserfc", "cryptography", "cffi", "pycparser"},
    "vault": {"hvac", "requests", "charset_normalizer"},
}
GET = """
import json
from travel_gpt.handler import lambda_handler
class Context:
    aws_request_id = "invocation"
    def get_remaining_time_in_millis(self): return 4000
print(json.dumps(lambda_handler({"resource": "/travel-gpt", "httpMethod": "GET"}, Context())))
"""


@pytest.fixture(scope="session")
def packages_with_extras(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The package with every extra: for Lambda as `sam build` makes it, and for this machine."""
    with_all = ",".join(EXTRAS)

    def build(folder: Path) -> None:
        folder.mkdir()
        said = run_sam_build(folder / "sam", PACKAGE_EXTRAS=with_all)
        done = run_build_script(folder / "host", "--platform", "host", "--with", with_all)
        assert done.returncode == 0, done.stderr
        for output in (said, done.stdout):
            assert "with those of encrypted-file and vault" in output

    folder = made_once(tmp_path_factory, "extras", build)
    return {"lambda": folder / "sam" / "build" / "TravelGPTFunction", "host": folder / "host"}


def distributions(package: Path) -> set[str]:
    names = (path.name.partition("-")[0] for path in package.glob("*.dist-info"))
    return {name.lower() for name in names}


def health(package: Path, source: str) -> tuple[str, str]:
    """The code and the message of GET, with a source that has nothing behind it."""
    done = subprocess.run(
        # -S: only the package, and nothing that is installed beside it here.
        [sys.executable, "-S", "-c", GET],
        cwd=package,
        env={
            "PATH": os.environ["PATH"],
            "CREDENTIAL_SOURCE": source,
            "VAULT_ADDR": "http://127.0.0.1:9",
            "VAULT_TOKEN": "hvs.for-tests",
            "AWS_REGION": "eu-west-1",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    response = json.loads(next(line for line in done.stdout.splitlines() if line.startswith('{"statusCode"')))
    body = json.loads(response["body"])
    return body["code"], body["message"]


def test_by_default_no_library_of_another_source_is_in_the_package(lambda_package: Path) -> None:
    at_the_top = {path.name for path in lambda_package.iterdir()}

    assert at_the_top.isdisjoint(set().union(*OF_EXTRAS.values()))
    assert at_the_top >= {"boto3", "openai", "travel_gpt"}


def test_when_asked_for_they_are_in_it_locked_and_for_lambdas_processor(
    packages_with_extras: dict[str, Path],
) -> None:
    package = packages_with_extras["lambda"]

    assert {path.name for path in package.iterdir()} >= set().union(*OF_EXTRAS.values())
    locked = {
        name.lower().replace("-", "_").replace(".", "_")
        for lock in locks_for(EXTRAS)
        for name in re.findall(r"^([\w.-]+)==", lock.read_text("utf-8"), re.MULTILINE)
    }
    assert distributions(package) == locked
    (native,) = (package / "cryptography").rglob("*.so")
    assert native.read_bytes()[18:20] == b"\xb7\x00", "aarch64"


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_lock_of_an_extra_is_the_packages_own_and_what_it_needs(extra: str) -> None:
    def pins(name: str) -> set[str]:
        lock = locks_for([])[0].with_name(name).read_text("utf-8")
        return set(re.findall(r"^([\w.-]+==[\w.]+)", lock, re.MULTILINE))

    more = pins(f"lambda-{extra}.txt") - pins("lambda.txt")

    assert pins("lambda.txt") < pins(f"lambda-{extra}.txt")
    assert {pin.partition("==")[0].replace("-", "_") for pin in more} >= OF_EXTRAS[extra]
    # What is tested on a laptop is what ships.
    assert more <= pins("run.txt")


def test_a_source_works_in_a_package_with_its_libraries_and_says_what_is_missing_in_one_without(
    packages_with_extras: dict[str, Path], host_package: Path
) -> None:
    assert health(packages_with_extras["host"], "vault")[0] == "credentials_unavailable"
    assert health(packages_with_extras["host"], "encrypted-file")[0] == "secret_not_found"

    for source in EXTRAS:
        code, message = health(host_package, source)
        assert code == "misconfigured"
        assert f"PACKAGE_EXTRAS={source}" in message
