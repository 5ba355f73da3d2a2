"""The checks of a stack, in the order in which they are shown."""

from functools import partial

from travel_gpt.cli.doctor.check_result import Check, security_results
from travel_gpt.cli.doctor.stack.api import (
    check_alarms,
    check_callers,
    check_health,
    check_logs,
    check_throttles,
)
from travel_gpt.cli.doctor.stack.deployed import Deployed, check_drift, check_template, find_template
from travel_gpt.cli.doctor.stack.function import check_functions, check_role, check_settings, check_stack
from travel_gpt.cli.doctor.stack.network import check_network
from travel_gpt.cli.doctor.stack.page import check_page
from travel_gpt.cli.doctor.stack.secret import check_rotator, check_secret
from travel_gpt.cli.doctor.stack.table import check_prices, check_table


def checks_of(deployed: Deployed, *, verify: bool) -> list[tuple[str, Check]]:
    """Return each check with its title.

    Args:
        deployed: the stack.
        verify: whether the function verifies the key with one live call.
    """
    return [
        ("stack", partial(check_stack, deployed)),
        ("settings", partial(check_settings, deployed)),
        ("security", partial(security_results, deployed.settings)),
        ("function", partial(check_functions, deployed)),
        ("role", partial(check_role, deployed)),
        ("secret", partial(check_secret, deployed)),
        ("rotation", partial(check_rotator, deployed)),
        ("throttles", partial(check_throttles, deployed)),
        ("usage plan", partial(check_callers, deployed)),
        ("table", partial(check_table, deployed)),
        ("vpc", partial(check_network, deployed)),
        ("prices", check_prices),
        ("logs", partial(check_logs, deployed)),
        ("alarms", partial(check_alarms, deployed)),
        ("template", partial(check_template, deployed, find_template())),
        ("drift", partial(check_drift, deployed)),
        ("health", partial(check_health, deployed, verify=verify)),
        ("page", partial(check_page, deployed)),
    ]
