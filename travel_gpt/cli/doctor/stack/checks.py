"""The checks of a stack, in the order in which they are shown."""

from collections.abc import Iterator
from functools import partial

from travel_gpt.cli.doctor.check_result import Check, security_results
from travel_gpt.cli.doctor.stack.api import check_callers, check_throttles
from travel_gpt.cli.doctor.stack.deployed import Deployed
from travel_gpt.cli.doctor.stack.function import check_function, check_settings, check_stack
from travel_gpt.cli.doctor.stack.health import check_health
from travel_gpt.cli.doctor.stack.monitoring import check_alarms, check_logs
from travel_gpt.cli.doctor.stack.role import check_role
from travel_gpt.cli.doctor.stack.rotator import check_rotator
from travel_gpt.cli.doctor.stack.secret import check_secret
from travel_gpt.cli.doctor.stack.template import check_drift, check_template, find_template


def checks_of(deployed: Deployed, *, verify: bool) -> Iterator[tuple[str, Check]]:
    """Return each check with its title.

    Args:
        deployed: the stack.
        verify: whether the function verifies the key with one live call.
    """
    yield "stack", partial(check_stack, deployed)
    yield "settings", partial(check_settings, deployed)
    yield "security", partial(security_results, deployed.settings)
    yield "function", partial(check_function, deployed)
    yield "role", partial(check_role, deployed)
    yield "secret", partial(check_secret, deployed)
    yield "rotation", partial(check_rotator, deployed)
    yield "throttles", partial(check_throttles, deployed)
    yield "usage plan", partial(check_callers, deployed)
    yield "logs", partial(check_logs, deployed)
    yield "alarms", partial(check_alarms, deployed)
    yield "template", partial(check_template, deployed, find_template())
    yield "drift", partial(check_drift, deployed)
    yield "health", partial(check_health, deployed, verify=verify)
