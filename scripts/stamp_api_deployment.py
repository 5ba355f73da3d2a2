"""Stamp the API's definition into the logical ids of its deployments in template.yaml.

API Gateway serves a deployment, which is a copy of the API taken when CloudFormation creates it. A definition
that changes under the same logical id is therefore never served. The ids end in a digest of the definition's
text, so that a changed definition brings a new deployment and an unchanged one brings none.

    python scripts/stamp_api_deployment.py            write the stamp
    python scripts/stamp_api_deployment.py --check    stop when it is out of date
"""

import argparse
import hashlib
import re
import sys
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parent.parent / "template.yaml"
_API = re.compile(r"^  TravelGPTApi:\n(?:(?:    .*| *#.*|)\n)+", re.MULTILINE)
_DEPLOYMENT = re.compile(r"\b(ApiDeployment(?:WithKey|Open))[0-9a-f]{8}\b")


def stamped(template: str) -> str:
    """Give the deployments of a template the digest of its API.

    Args:
        template: the template's text.

    Returns:
        The text with the logical ids that its API's definition asks for.

    Raises:
        ValueError: there is no API or no deployment where they are expected.
    """
    api = _API.search(template)
    if api is None or not _DEPLOYMENT.search(template):
        raise ValueError("the template has no TravelGPTApi or no ApiDeployment… of the known names")
    # Comments and blank lines change nothing that is served.
    meant = [line for line in api.group().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    digest = hashlib.sha256("\n".join(meant).encode()).hexdigest()[:8]
    return _DEPLOYMENT.sub(rf"\g<1>{digest}", template)


def main(arguments: list[str] | None = None) -> int:
    """Write or check the stamp.

    Args:
        arguments: the command line, without the program's name.

    Returns:
        The exit status: 0 when the stamp is right (now), 1 when a check found it out of date.
    """
    parser = argparse.ArgumentParser(description="Stamp the API's definition into its deployments' ids.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when the stamp is old")
    parser.add_argument(
        "--template", type=Path, default=TEMPLATE, help="the template (default: template.yaml)"
    )
    options = parser.parse_args(arguments)
    before = options.template.read_text(encoding="utf-8")
    after = stamped(before)
    if before == after:
        return 0
    if options.check:
        print(
            f"The API's definition in {options.template.name} has changed, and its deployments carry the old "
            "stamp:\nAPI Gateway would go on serving the old definition. Write the new stamp with\n"
            "    python3 scripts/stamp_api_deployment.py",
            file=sys.stderr,
        )
        return 1
    options.template.write_text(after, encoding="utf-8")
    print(f"{options.template.name}: the deployments carry the stamp of the API's definition")
    return 0


if __name__ == "__main__":
    sys.exit(main())
