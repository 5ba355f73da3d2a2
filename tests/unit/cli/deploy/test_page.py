"""What deploy.sh prints about the web page."""

import pytest

from tests.unit.cli.deploy.conftest import options
from travel_gpt.cli.deploy import page
from travel_gpt.cli.stack import Stack

URL = "https://abc.execute-api.eu-west-1.amazonaws.com/Prod/travel-gpt/app"
NAME = "travel-gpt-backend-dev"
FLAGS = " --region eu-west-1"


def stack(web_page: str, access: str) -> Stack:
    return Stack(
        NAME,
        "UPDATE_COMPLETE",
        outputs={"PageUrl": URL, "WebPage": web_page, "ApiAccess": access},
    )


@pytest.mark.parametrize(
    ("web_page", "access", "shown"),
    [
        (
            "enabled",
            "api-key",
            f"{URL}\n  travel-gpt invite NAME --budget 2/month --expires 30d --stack {NAME}{FLAGS}",
        ),
        ("enabled", "open", URL),
        ("disabled", "api-key", "./deploy.sh --env dev --region eu-west-1 --parameter WebPage=enabled"),
        ("disabled", "open", "./deploy.sh --env dev --region eu-west-1 --parameter WebPage=enabled"),
    ],
)
def test_the_next_step_with_the_page_is_shown(web_page: str, access: str, shown: str) -> None:
    typed = options("--env", "dev", "--region", "eu-west-1")

    ((heading, lines),) = page.commands(stack(web_page, access), typed, FLAGS).items()

    assert lines == shown
    assert "web page" in heading
