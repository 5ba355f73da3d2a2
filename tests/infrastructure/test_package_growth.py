"""What a cold start imports and how large the package is: unlike time, neither depends on the machine."""

from pathlib import Path

import pytest

from scripts.build_package import lambda_python
from tests.support.packages import answer_alone, run_alone, stream_alone

# Growing by more than 3 % fails. What shrank by more gets a lower figure, or the next growth would go unseen.
# A changed figure has its reason on its line.
MODULES_OF_A_COLD_GET = 794  # the first figure
MODULES_OF_A_COLD_POST = 802  # with a table: the guard (10 modules) and the price list
MODULES_OF_A_COLD_STREAM = 807  # the first figure
MODULES_OF_THE_ROTATION = 733  # the first figure
BYTES_OF_THE_PACKAGE = 53_500_000  # the guard, prices.json, places.sqlite (10.7 MB) and tzdata

pytestmark = pytest.mark.skipif(lambda_python() is None, reason="there is no Python 3.13 here")


def assert_no_growth(measured: int, committed: int) -> None:
    assert measured <= committed * 1.03, "it grew: import less, or change the figure and say why"


@pytest.mark.parametrize(
    ("method", "committed"), [("GET", MODULES_OF_A_COLD_GET), ("POST", MODULES_OF_A_COLD_POST)]
)
def test_a_cold_request_imports_no_more_modules(
    method: str, committed: int, host_package: Path, services: dict[str, str]
) -> None:
    ran = answer_alone(host_package, services, [method])

    assert ran["answers"][0]["statusCode"] == 200
    # A deployed function has a table, which only a query needs.
    assert ("travel_gpt.guard.meter" in ran["modules"]) == (method == "POST")
    assert_no_growth(len(ran["modules"]), committed)


def test_a_cold_stream_imports_no_more_modules(host_package: Path, services: dict[str, str]) -> None:
    ran = stream_alone(host_package, services)

    assert "event: done" in ran["body"]
    assert_no_growth(len(ran["modules"]), MODULES_OF_A_COLD_STREAM)


def test_the_rotation_imports_no_more_modules(host_package: Path) -> None:
    code = (
        "import json, travel_gpt.rotator, travel_gpt.rotation.bootstrap\nprint(json.dumps(len(sys.modules)))"
    )

    assert_no_growth(run_alone(host_package, code, AWS_REGION="us-east-1"), MODULES_OF_THE_ROTATION)


def test_the_package_weighs_no_more(lambda_package: Path) -> None:
    files = [path for path in lambda_package.rglob("*") if path.is_file()]

    assert_no_growth(sum(path.stat().st_size for path in files), BYTES_OF_THE_PACKAGE)
