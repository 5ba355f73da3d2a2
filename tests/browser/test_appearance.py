"""Every named state of the page: accessible, on a telephone too, in the dark, and from right to left."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import Axe
from tests.browser.conftest import Pages
from tests.browser.proxy import Proxy
from tests.browser.servers import LocalServer
from tests.browser.states import STATES, World
from tests.browser.steps import ask, expect_whole_answer, question
from tests.browser.watch import Watch

DESK, TELEPHONE = {"width": 1280, "height": 900}, {"width": 320, "height": 640}
OVERFLOW = """() => {
    const wide = document.documentElement.scrollWidth - innerWidth;
    if (wide <= 0) return [];
    return [...document.querySelectorAll("body *")]
        .filter((each) => {
            const {left, right} = each.getBoundingClientRect();
            return right > innerWidth + 1 || left < -1;
        })
        .map((each) => each.outerHTML.slice(0, 120));
}"""

BOXES = """() => [...document.querySelectorAll("header *, main *")]
    .filter((each) => each.checkVisibility() && !/inline|contents|none/.test(getComputedStyle(each).display))
    .filter((each) => !each.closest("svg"))
    .map((each) => {
        const {left, right} = each.getBoundingClientRect();
        const all = document.documentElement.clientWidth;
        return {left, right, all, element: each.outerHTML.slice(0, 80)};
    })"""


@pytest.fixture
def world(pages: Pages, open_server: LocalServer, server: LocalServer, proxy: Proxy, watch: Watch) -> World:
    return World(pages, open_server, server, proxy, watch)


@pytest.mark.parametrize("state", STATES)
def test_every_state_is_accessible_in_every_form(world: World, state: str) -> None:
    page = STATES[state](world)
    axe = Axe(page)
    assert axe.violations() == []
    assert page.evaluate(OVERFLOW) == []

    page.emulate_media(color_scheme="dark")
    page.set_viewport_size(TELEPHONE)
    assert axe.violations() == []
    assert page.evaluate(OVERFLOW) == []

    page.evaluate("document.documentElement.dir = 'rtl'")
    assert page.evaluate(OVERFLOW) == []
    page.set_viewport_size(DESK)
    assert page.evaluate(OVERFLOW) == []


def colours(page: Page) -> tuple[str, str]:
    style: dict[str, str] = page.evaluate(
        "(({color, backgroundColor}) => ({color, backgroundColor}))(getComputedStyle(document.body))"
    )
    return style["color"], style["backgroundColor"]


def test_the_dark_is_dark(world: World) -> None:
    page = world.opened()
    light = colours(page)

    page.emulate_media(color_scheme="dark")

    assert colours(page) != light
    brightness = [
        sum(map(float, each.strip("rgb()").split(",")[:3])) for each in (light[1], colours(page)[1])
    ]
    assert brightness[0] > 600 > 200 > brightness[1]


def test_with_reduced_motion_nothing_moves(world: World) -> None:
    page = STATES["provisional trip"](world)
    page.emulate_media(reduced_motion="reduce")

    moving = page.evaluate("""document.getAnimations().filter((each) =>
        each.playState === "running" && each.effect.getComputedTiming().activeDuration > 100).length""")

    assert moving == 0


@pytest.mark.parametrize("query", ["رحلة إلى لشبونة", "טיול ל Lisbon"])
def test_what_is_written_from_right_to_left_is_shown_so(world: World, query: str) -> None:
    page = world.opened()

    ask(page, query, trip=False)
    expect_whole_answer(page)

    direction = "(element) => getComputedStyle(element).direction"
    assert question(page).evaluate(direction) == "rtl"
    assert page.locator("#asked").evaluate(direction) == "rtl"
    # The answer of the demo model is English.
    assert page.locator("#answer-body p").first.evaluate(direction) == "ltr"


def boxes(page: Page) -> list[dict[str, Any]]:
    """Return where each box of the page begins and ends, but for those inside a line of text."""
    found: list[dict[str, Any]] = page.evaluate(BOXES)
    return found


def test_a_page_from_right_to_left_is_mirrored(world: World) -> None:
    page = STATES["trip"](world)
    before = boxes(page)

    page.evaluate("document.documentElement.dir = 'rtl'")

    wrong = [
        now["element"]
        for then, now in zip(before, boxes(page), strict=True)
        if abs(now["left"] - (then["all"] - then["right"])) > 2
    ]
    assert wrong == []


def test_print_has_the_answer_and_nothing_to_press(world: World) -> None:
    page = STATES["trip"](world)

    page.emulate_media(media="print")

    expect(page.locator("#answer-body")).to_be_visible()
    for hidden in ("#ask", "#history", "#answer button"):
        assert (
            page.locator(hidden).evaluate_all(
                "(elements) => elements.filter((each) => each.checkVisibility()).length"
            )
            == 0
        )
