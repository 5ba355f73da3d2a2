"""What the package leaves out is what never runs: the rest imports, answers and finds its endpoints."""

import json
import re
from pathlib import Path

import pytest

from scripts.package_contents import PRUNED, BuildError, check_native_modules
from tests.support.packages import answer_alone, run_alone

REWRITTEN = {"botocore/data/endpoints.json"}


def names(tree: Path) -> set[str]:
    return {path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file()}


@pytest.mark.parametrize("rule", PRUNED)
def test_every_rule_takes_something_out(rule: str, unpruned: Path) -> None:
    assert [name for name in names(unpruned) if re.fullmatch(rule, name)], "a dead rule: delete it"


def test_the_rules_overlap_nowhere(unpruned: Path) -> None:
    for name in names(unpruned):
        assert len([rule for rule in PRUNED if re.fullmatch(rule, name)]) <= 1, name


def test_nothing_else_is_taken_out_and_nothing_is_changed(unpruned: Path, lambda_package: Path) -> None:
    missing = names(unpruned) - names(lambda_package)
    assert [name for name in missing if not any(re.fullmatch(rule, name) for rule in PRUNED)] == []

    kept = names(unpruned) & names(lambda_package)
    changed = {
        name for name in kept if (unpruned / name).read_bytes() != (lambda_package / name).read_bytes()
    }
    assert changed == REWRITTEN


def test_no_module_that_could_be_imported_is_taken_out(unpruned: Path, lambda_package: Path) -> None:
    gone = names(unpruned) - names(lambda_package)

    # A command, and plugins that import pytest, mypy and hypothesis, which are not in the package.
    assert {name for name in gone if name.endswith(".py")} == {
        "bin/jp.py",
        "anyio/pytest_plugin.py",
        "pydantic/mypy.py",
        "pydantic/v1/_hypothesis_plugin.py",
        "pydantic/v1/mypy.py",
    }


ENDPOINTS = """
import botocore.session, json
session = botocore.session.Session()
found = {}
for partition in session.get_available_partitions():
    for region in session.get_available_regions("secretsmanager", partition, allow_non_regional=True):
        client = session.create_client(
            "secretsmanager", region_name=region, aws_access_key_id="a", aws_secret_access_key="b"
        )
        found[region] = [client.meta.endpoint_url, client.meta.service_model.api_version]
print(json.dumps(found))
"""


def test_secrets_manager_is_where_it_was_in_every_region(unpruned: Path, lambda_package: Path) -> None:
    # botocore is plain Python: the arm64 package's can be asked here
    before, after = run_alone(unpruned, ENDPOINTS), run_alone(lambda_package, ENDPOINTS)

    assert before == after
    assert after["eu-central-1"][0] == "https://secretsmanager.eu-central-1.amazonaws.com"
    assert after["cn-north-1"][0] == "https://secretsmanager.cn-north-1.amazonaws.com.cn"
    assert len(after) > 30


@pytest.mark.parametrize("api", ["responses", "chat"])
def test_the_pruned_package_answers_by_itself(api: str, services: dict[str, str], host_package: Path) -> None:
    # Given the package for this machine, nothing else installed, and fakes of AWS and OpenAI on loopback
    ran = answer_alone(host_package, services, ["GET", "POST"], api)

    # When health is asked for with verification, and then a query, then both are answered
    health, query = ran["answers"]
    assert (health["statusCode"], query["statusCode"]) == (200, 200)
    assert json.loads(query["body"])["answer"] == "Start at the Forum."

    # And whatever was imported is in the package or in Python itself
    files = ran["modules"].values()
    assert [file for file in files if "site-packages" in file or "dist-packages" in file] == []
    assert any(file.startswith(str(host_package / "openai")) for file in files)


def test_a_package_with_modules_for_another_machine_is_refused(tmp_path: Path) -> None:
    # Given an x86-64 module where an arm64 one should be
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\x3e\x00"
    (tmp_path / "jiter").mkdir()
    (tmp_path / "jiter" / "jiter.so").write_bytes(header)

    with pytest.raises(BuildError, match=r"cannot load jiter/jiter\.so"):
        check_native_modules(tmp_path)


@pytest.mark.parametrize("magic", [b"\xcf\xfa\xed\xfe", b"MZ\x90\x00"], ids=["macOS", "Windows"])
def test_a_module_of_another_system_is_refused_whatever_its_name(magic: bytes, tmp_path: Path) -> None:
    (tmp_path / "module.so").write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\xb7\x00")
    (tmp_path / "other").write_bytes(magic + bytes(40))

    with pytest.raises(BuildError, match="cannot load other"):
        check_native_modules(tmp_path)


def test_a_package_without_native_modules_is_refused(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("pass")

    with pytest.raises(BuildError, match="missing"):
        check_native_modules(tmp_path)
