"""``travel-gpt ask --format itinerary``, against a server that sends what a test says."""

import copy
import dataclasses
import io
import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.support.scripted_api import BODY, COMMENTS, EVENTS, ScriptedApi, failure
from tests.support.trip_answers import TRIP_BODY, trip_events
from tests.unit.cli.conftest import Done, Person
from travel_gpt.advisor.trip import Diet, LodgingKind, Mobility, Mode, Pace
from travel_gpt.api.constraint_fields import FIELDS
from travel_gpt.cli.ask import Question, ask
from travel_gpt.cli.asked_api import Api
from travel_gpt.cli.console import Console
from travel_gpt.cli.errors import FAILED, USAGE
from travel_gpt.cli.itinerary.options import TripOptions
from travel_gpt.cli.itinerary.progress import Progress
from travel_gpt.redaction import guard

KEY = "Yk7annscanary2Qm3vT8xLw2Rk7Yb4Nd6H"
POST, STREAM = "/Prod/travel-gpt", "/Prod/travel-gpt/stream"

NOT_CHECKABLE = {
    "rule": "step_free",
    "severity": "warning",
    "outcome": "not_checkable",
    "violations": [],
    "why": "The plan does not say it.",
    "applies": True,
}


@pytest.fixture
def server() -> Iterator[ScriptedApi]:
    with ScriptedApi() as running:
        running.whole_stream(*trip_events())
        yield running


def asked(server: ScriptedApi, at: int = 0) -> Any:
    return json.loads(server.seen[at][3])


def run(person: Person, server: ScriptedApi, *options: str, **how: Any) -> Done:
    return person.run("ask", "By train", "--url", server.base_url, "--format", "itinerary", *options, **how)


def changed(**parts: Any) -> dict[str, Any]:
    """The answer with some fields of its parts changed."""
    body = copy.deepcopy(TRIP_BODY)
    for name, fields in parts.items():
        body[name] |= fields
    return body


def shown(person: Person, server: ScriptedApi, body: dict[str, Any]) -> str:
    server.script.clear()
    server.whole_stream(*trip_events(body))
    return run(person, server).out


def test_a_trip_is_shown_as_days_with_costs_and_checks(person: Person, server: ScriptedApi) -> None:
    done = run(person, server)

    said = [" ".join(line.split()) for line in done.out.splitlines()]
    for expected in (
        "Lisbon and Porto by train",
        "Sun 3 Oct 2027 to Wed 6 Oct 2027, 3 nights, 2 adults and a child of 4, from Berlin",
        "Day 1, Sun 3 Oct 2027: To Lisbon",
        "Time What Where EUR",
        "09:40-12:25 Flight, 3 h 45 min, 2,314 km Berlin (BER) - Lisbon (LIS) 420.00",
        "18:30-20:00 Dinner in Graça (meal) Lisbon 48.00",
        "Said to suit: vegetarian",
        "Night Hotel da Ribeira (hotel) Porto 110.00",
        "Total of the day 253.00",
        "Day 3, Tue 5 Oct 2027: To Porto [1 error] [1 warning] [1 note]",
        "Public holiday: Implantação da República (PT)",
        "Transport 888.00",
        "Together 1,402.00 EUR",
        "Of the budget of 1,500.00 EUR, 98.00 are left.",
        "Warning Day 3: “Livraria Lello” is said to have steps.",
        "Note Day 3, 2027-10-05: Implantação da República is a public holiday in PT.",
        "Understood from your words: destinations Lisbon, Porto; nights 3; adults 2; diet vegetarian.",
    ):
        assert expected in said, expected
    assert (
        "Days 2 and 3 were repaired: written again by the model. Before, the trip broke the rules on "
        "overlaps, leg speed and mobility. Not all that was wrong could be repaired."
    ) in " ".join(said)
    assert (
        "Not verified: 1 error was found. All 18 rules that apply to this trip could be checked ("
        in " ".join(said)
    )
    assert "mobility, in part: Not said whether it is step-free: Miradouro da Graça" in done.out
    assert "No pace was asked for" not in done.out
    assert "\x1b" not in done.out + done.err
    assert "gpt-6-luna, 12 tokens" in done.err
    assert asked(server) == {"query": "By train", "format": "itinerary"}


def test_what_begins_earlier_is_shown_first(person: Person, server: ScriptedApi) -> None:
    body = changed()
    body["itinerary"]["days"][0]["visits"][0]["start"] = "08:00"

    out = shown(person, server, body)

    assert out.index("Miradouro") < out.index("Flight")


@pytest.mark.parametrize("columns", [24, 39, 40, 60, 71, 72, 80, 200])
def test_at_a_terminal_no_line_is_wider_than_it(
    server: ScriptedApi, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    class Tty(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Tty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("sys.stdout", out)

    ask(Question("By train", "itinerary"), Api(server.base_url), Console())

    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= min(columns, 110)
    words = out.getvalue().split()
    for expected in ("Miradouro", "09:40-12:25", "(LIS)", "563.00", "Warning", "Understood"):
        assert expected in words, expected
    assert ("Where" in words) == (columns >= 72)
    assert ("Time" in words) == (columns >= 40)


def test_the_text_of_a_model_is_neither_markup_nor_a_command(person: Person, server: ScriptedApi) -> None:
    guard(KEY)
    text = f"\x1b[2J[red]x[/red] :smile: \u202egnp\u2029a\r\nb\t{KEY} 東京 \ud83d"
    body = changed()
    trip = body["itinerary"]
    trip |= {"title": text, "summary": text, "origin": text, "currency": "\x9bEU"}
    day = trip["days"][2]
    day["title"] = day["town"] = text
    day["legs"][0]["origin"] = day["visits"][0]["name"] = day["visits"][0]["why"] = text
    day["stay"]["name"] = day["stay"]["place"] = text
    day["holidays"][0]["name"] = text
    for result in body["checks"]["results"]:
        result["why"] = text
        for violation in result["violations"]:
            violation["message"] = text
    body["understood"] |= {"destinations": [text], "budget": {"amount": 9, "currency": text}}

    done = run_with(person, server, body)

    assert not set(done.out) & {"\x1b", "\x9b", "\u202e", "\u2029", "\r", "\t", "\ud83d"}
    assert KEY not in done.out
    squeezed = " ".join(done.out.split())
    assert squeezed.count("[2J[red]x[/red] :smile: gnp a b [redacted] 東京 ?") >= 8


def run_with(person: Person, server: ScriptedApi, body: dict[str, Any]) -> Done:
    """Run with an answer as JSON, which, other than an event, takes half a character."""
    server.script.clear()
    server.json(409, failure("streaming_disabled"))
    server.json(200, body)
    return run(person, server)


@pytest.mark.parametrize(
    ("checks", "missing", "says"),
    [
        (
            {"verified": True, "rules_checked": 11, "rules_that_apply": 12},
            [],
            "Verified: no errors were found, and 11 of the 12 rules that apply to this trip could be checked",
        ),
        (
            {"rules_checked": 9, "rules_that_apply": 12, "share_checked": 0.79},
            [],
            "Not verified: too little could be checked. 9 of the 12 rules",
        ),
        (
            {"rules_checked": 9, "rules_that_apply": 12, "share_checked": 0.79},
            [],
            "could be checked (79 % of what they are about; 80 % needed).",
        ),
        (
            {
                "rules_checked": 4,
                "rules_that_apply": 4,
                "results": [
                    {
                        "rule": "leg_speed",
                        "severity": "error",
                        "outcome": "ok",
                        "checked": 0.5,
                        "why": "Half.",
                    },
                    {"rule": "route", "severity": "warning", "outcome": "ok", "checked": 0.1, "why": "Less."},
                ],
            },
            [],
            "Not verified: leg speed could be checked for 50 % only. All 4 rules",
        ),
        (
            {"rules_checked": 4, "rules_that_apply": 5},
            [4],
            "Not verified: days are missing. 4 of the 5 rules that apply to this trip could be checked",
        ),
        (
            {"rules_checked": 4, "rules_that_apply": 4},
            [],
            "Not verified: the API gives no reason. All 4 rules that apply to this trip could be",
        ),
        (
            {"rules_checked": 0, "rules_that_apply": 0, "share_checked": 0},
            [],
            "Not verified: too little could be checked. All 0",
        ),
    ],
)
def test_the_verdict_is_a_sentence(
    person: Person, server: ScriptedApi, checks: dict[str, Any], missing: list[int], says: str
) -> None:
    body = changed(
        checks={"results": [], "share_checked": 1.0, **checks}, itinerary={"missing_days": missing}
    )

    assert says in " ".join(shown(person, server, body).split())


@pytest.mark.parametrize(
    ("repair", "says"),
    [
        (
            {"outcome": "done", "days": [2], "before": ["sums"]},
            "Day 2 was repaired: written again by the model. Before, the trip broke the rules on sums.",
        ),
        ({"outcome": "done", "days": [2], "before": []}, "Day 2 was repaired: written again by the model."),
        (
            {"outcome": "partly", "days": [2], "before": []},
            "written again by the model. Not all that was wrong could be repaired.",
        ),
        ({"outcome": "failed", "days": []}, "and the new ones were not better."),
        ({"outcome": "not_possible", "days": []}, "What is wrong cannot be repaired day by day, so"),
        ({"outcome": "no_time", "days": []}, "There was no time for a repair."),
        ({"outcome": "no_budget", "days": []}, "The budget had too little left for a repair."),
        ({"outcome": "not_needed", "days": []}, ""),
    ],
)
def test_what_became_of_broken_rules_is_said(
    person: Person, server: ScriptedApi, repair: dict[str, Any], says: str
) -> None:
    out = " ".join(shown(person, server, changed(repair=repair)).split())

    assert says in out
    assert ("repair" in out) == bool(says)


@pytest.mark.parametrize("kept", [True, False])
def test_missing_days_are_said_where_they_are(person: Person, server: ScriptedApi, kept: bool) -> None:
    body = changed(itinerary={"missing_days": [2, 4]}, checks={"results": []}) | {"truncated": True}
    days = body["itinerary"]["days"]
    body["itinerary"]["days"] = [day | {"visits": []} for day in days] if kept else [days[0], days[2]]

    out = shown(person, server, body)

    assert "Days 2 and 4 are not planned: there was no time" in out
    assert "limit of its length" not in run(person, server).err
    second = out[out.index("\nDay 2") : out.index("\nDay 3")]
    assert ("Pensão Graça" in second) is kept
    assert ("What is done on this day is missing." if kept else "This day is not planned.") in second
    assert out.index("Day 2") < out.index("Day 3") < out.index("\nDay 4")


@pytest.mark.parametrize(
    ("because", "says"),
    [
        ({2: "no_time", 3: "no_time"}, "Days 2 and 3 are not planned: there was no time. Ask again, or for"),
        ({2: "no_budget", 3: "no_budget"}, "a budget had too little left. Ask for fewer days, or once"),
        ({2: "refused", 3: "refused"}, "the model declined. Ask in other words."),
        (
            {2: "upstream", 3: "invalid"},
            "was too busy. Ask again later. Day 3 is not planned: the model wrote nothing usable. Ask again.",
        ),
        ({3: "invalid"}, "Day 2 is not planned: there was no time, or the model wrote nothing usable."),
    ],
)
def test_missing_days_are_said_with_the_reason(
    person: Person, server: ScriptedApi, because: dict[int, str], says: str
) -> None:
    body = changed(itinerary={"missing_days": [2, 3], "missing_because": because})

    assert says in " ".join(shown(person, server, body).split())


def test_a_trip_without_dates_and_budget_is_shown(person: Person, server: ScriptedApi) -> None:
    body = changed(
        itinerary={"start": None, "end": None, "origin": None, "currency": "XXX", "currency_digits": None}
    )
    body["understood"] = {"from_query": []}
    for day in body["itinerary"]["days"]:
        day |= {"date": None, "holidays": None}
    leg = body["itinerary"]["days"][0]["legs"][0]
    leg |= {"minutes": None, "distance_km": None, "from_airport": None, "days_later": 1, "mode": "other"}

    out = shown(person, server, body)

    assert "\n3 nights, 2 adults and a child of 4\n" in out
    assert "\nDay 1: To Lisbon\n" in out
    assert " ".join(out.split()).count("09:40-12:25 +1d On the way Berlin - Lisbon (LIS) 420.00") == 1
    assert "budget" not in out
    assert "Understood" not in out


@pytest.mark.parametrize(
    ("budget", "says"),
    [
        ({"amount": 1400, "currency": "EUR"}, "That is 2.00 more than the budget of 1,400.00 EUR."),
        ({"amount": 1402, "currency": "EUR"}, "Of the budget of 1,402.00 EUR, 0.00 are left."),
        ({"amount": 1400, "currency": "USD"}, "The budget is 1,400.00 USD: the costs, in another currency"),
    ],
)
def test_costs_are_compared_with_the_budget(
    person: Person, server: ScriptedApi, budget: dict[str, Any], says: str
) -> None:
    assert says in shown(person, server, changed(understood={"budget": budget}))


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        (
            {"round_trip": False, "diet": ["gluten_free", "vegan"], "from_query": ["round_trip", "diet"]},
            "round trip no; diet gluten free, vegan.",
        ),
        ({"round_trip": True, "from_query": ["round_trip", "language"]}, "round trip yes."),
        ({"from_query": ["budget"]}, "budget 1,500 EUR."),
        ({"from_query": ["travellers"]}, "travellers adults 2, children 4."),
        ({"from_query": ["travellers.children"]}, "children 4."),
        ({"from_query": ["nights.adults", "diet", "pace", 7, None, ["x"]], "diet": [], "pace": None}, ""),
        ({"from_query": "nights"}, ""),
    ],
)
def test_what_was_understood_from_the_query_is_a_sentence(
    person: Person, server: ScriptedApi, fields: dict[str, Any], says: str
) -> None:
    out = shown(person, server, changed(understood=fields))

    if says:
        assert f"Understood from your words: {says}\n" in out
    else:
        assert "Understood" not in out


@pytest.mark.parametrize("budget", [7, {}, {"amount": "1500", "currency": "EUR"}, {"amount": 1500}])
def test_a_budget_that_is_none_is_not_compared(person: Person, server: ScriptedApi, budget: object) -> None:
    assert "budget" not in shown(person, server, changed(understood={"budget": budget}))


def test_a_trip_with_nothing_to_say_has_no_such_sentences(person: Person, server: ScriptedApi) -> None:
    body = changed(itinerary={"summary": "", "travellers": {"adults": 1, "children": []}})
    body |= {"understood": {}, "repair": {"outcome": "not_needed", "days": []}}
    body["checks"] |= {"results": [], "verified": True}

    out = shown(person, server, body)
    run(person, server, "--save", "trip.md")

    assert "1 adult, from Berlin\n\nDay 1" in out
    assert not [word for word in ("Found", "Could not be checked", "Understood", "again") if word in out]
    assert (person.here / "trip.md").read_text(encoding="utf-8") == f"{TRIP_BODY['answer']}\n"


def test_what_is_found_names_its_day_once(person: Person, server: ScriptedApi) -> None:
    body = changed()
    found = [
        {"message": f"{said}.", "day": day} for said, day in (("Day 1 a", 1), ("Day 12 b", 1), ("c", None))
    ]
    body["checks"]["results"] = [NOT_CHECKABLE | {"outcome": "violated", "violations": found, "why": ""}]

    lines = [" ".join(line.split()) for line in shown(person, server, body).splitlines()]

    assert [line for line in lines if line.startswith("Warning")] == [
        "Warning Day 1 a.",
        "Warning Day 1: Day 12 b.",
        "Warning c.",
    ]


def test_what_cannot_be_checked_is_said_with_the_reason(person: Person, server: ScriptedApi) -> None:
    body = changed(checks={"results": [NOT_CHECKABLE, NOT_CHECKABLE | {"rule": "x", "applies": False}]})

    out = shown(person, server, body)

    assert "or not all of it:\n  step free: The plan does not say it.\nDays 2" in out


def test_progress_says_what_is_happening(server: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    class Watched(Console):
        def working(self, doing: str) -> Any:
            said.append(doing)
            return Waiting()

    class Waiting:
        def __enter__(self) -> Any:
            return said.append

        def __exit__(self, *_: object) -> None:
            said.append("shown")

    monkeypatch.setattr("sys.stdout", io.StringIO())

    ask(Question("By train", "itinerary"), Api(server.base_url), Watched())

    assert said == [
        "Waiting for the answer",
        "Writing the outline of the trip",
        *(f"Writing the days: {done} of 4 complete" for done in range(4)),
        "Checking the trip, and repairing it where that is needed",
        "Repairing the trip: days written again: 1",
        "Checking the trip, and repairing it where that is needed",
        "shown",
    ]


def test_a_day_that_comes_twice_counts_once() -> None:
    said: list[str] = []
    progress = Progress(said.append)

    progress.take("outline", {"itinerary": TRIP_BODY["itinerary"]})
    for _ in range(2):
        progress.take("day", {"day": {"number": 2}})

    assert said[1:] == ["Writing the days: 1 of 4 complete"] * 2


def test_an_empty_day_has_no_table(person: Person, server: ScriptedApi) -> None:
    body = changed()
    body["itinerary"]["days"][3] |= {"legs": [], "cost": 0}

    out = shown(person, server, body)

    assert "\nDay 4, Wed 6 Oct 2027: Home\n\nCosts\n" in out


@pytest.mark.parametrize("data", [{}, {"itinerary": 7, "day": 7}, {"itinerary": {"days": 7}, "day": {}}])
def test_progress_takes_any_event(person: Person, server: ScriptedApi, data: dict[str, Any]) -> None:
    events = trip_events()
    odd = [
        f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
        for name in ("outline", "day", "revised", "news")
    ]
    server.script.clear()
    server.whole_stream(events[0], *odd, *events[7:])

    assert "Day 1" in run(person, server).out


def test_json_is_the_whole_object(person: Person, server: ScriptedApi) -> None:
    done = run(person, server, "--json")

    expected = {**TRIP_BODY}
    del expected["timestamp"]
    assert json.loads(done.out) == expected
    assert done.err == ""


def test_an_api_that_does_not_stream_gets_a_post(person: Person, server: ScriptedApi) -> None:
    streamed = run(person, server)
    done = run_with(person, server, TRIP_BODY)

    assert done == streamed
    assert [path for _, path, _, _ in server.seen[1:]] == [STREAM, POST]
    assert asked(server, 2) == asked(server, 1) == asked(server)


def test_an_api_that_answers_with_prose_is_a_failure(person: Person, server: ScriptedApi) -> None:
    server.script.clear()
    server.whole_stream(*EVENTS)

    done = run(person, server, "--save", "trip.md", status=FAILED, says="The API answered with prose")

    assert "Graça" in done.out
    assert not Path("trip.md").exists()


def test_an_error_of_the_api_is_shown(person: Person, server: ScriptedApi) -> None:
    server.script.clear()
    message = '"nights" must be a whole number from 0 to 29.'
    server.json(400, failure("invalid_constraint", message=message))

    done = run(person, server, "--nights", "400", status=FAILED, says=message)

    assert "(invalid_constraint, request r-9)" in done.err
    assert asked(server)["nights"] == 400


def test_ctrl_c_stops_a_trip(person: Person, server: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("travel_gpt.cli.itinerary.progress.Progress.take", interrupted)
    server.script.clear()
    server.stream(*trip_events()[:3], *COMMENTS)
    server.json(202, {})

    run(person, server, status=130, says="Interrupted. The answer was stopped.")

    assert server.seen[1][1] == f"{STREAM}/r-1/stop"


def test_the_options_are_fields_of_the_request(person: Person, server: ScriptedApi) -> None:
    options = [
        "--start",
        "2027-10-03",
        "--nights",
        "3",
        "--from",
        "Berlin",
        "--to",
        "Lisbon",
        "--to",
        "Porto",
    ]
    options += ["--adults", "2", "--children", "4, 9", "--budget", "1500.50 eur"]
    options += [
        "--round-trip",
        "--pace",
        "relaxed",
        "--interest",
        "tiles",
        "--diet",
        "vegan",
        "--diet",
        "halal",
    ]
    options += ["--mobility", "stroller", "--lodging", "hotel", "--lodging", "hostel"]
    options += ["--transport", "train", "--language", "pt-BR"]

    run(person, server, *options)

    assert asked(server) == {
        "query": "By train",
        "format": "itinerary",
        "start": "2027-10-03",
        "nights": 3,
        "origin": "Berlin",
        "destinations": ["Lisbon", "Porto"],
        "travellers": {"adults": 2, "children": [4, 9]},
        "budget": {"amount": 1500.5, "currency": "EUR"},
        "round_trip": True,
        "pace": "relaxed",
        "interests": ["tiles"],
        "diet": ["vegan", "halal"],
        "mobility": ["stroller"],
        "lodging": ["hotel", "hostel"],
        "transport": ["train"],
        "language": "pt-BR",
    }


def test_every_field_has_an_option(person: Person, server: ScriptedApi) -> None:
    run(person, server, "--end", "2027-10-06", "--no-round-trip")

    assert (asked(server)["end"], asked(server)["round_trip"]) == ("2027-10-06", False)
    values: dict[str, Any] = {field.name: "x" for field in dataclasses.fields(TripOptions)}
    everything = TripOptions(**values | {"children": "4", "budget": "9 EUR"})
    assert {*everything.constraints()} == {*FIELDS}


def test_the_help_groups_what_a_trip_must_keep_to(person: Person) -> None:
    said = person.run("ask", "--help").out

    rest, trip = said.split("What the trip must keep to:")
    assert rest.index("\nArguments:\n") < rest.index("\nOptions:\n") < rest.index("--save")
    assert "--round-trip / --no-round-trip" in trip
    assert {word for kind in (Diet, LodgingKind, Mobility, Mode, Pace) for word in get_args(kind)} <= {
        *re.findall(r"\w+", trip)
    }
    for option in ("--start", "--language"):
        assert option in trip
        assert option not in rest
    assert "--help" not in trip


def test_prose_takes_the_options_too(person: Person, server: ScriptedApi) -> None:
    server.script.clear()
    server.whole_stream()

    person.run("ask", "Lisbon?", "--url", server.base_url, "--adults", "3")

    assert asked(server) == {"query": "Lisbon?", "travellers": {"adults": 3}}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--children", "four"), "such as 4,9"),
        (("--children", ""), "such as 4,9"),
        (("--budget", "1500"), 'such as "1500 EUR"'),
        (("--budget", "1.500,00 EUR"), 'such as "1500 EUR"'),
        (("--budget", "-5 EUR"), 'such as "1500 EUR"'),
        (("--nights", "few"), "nights"),
        (("--format", "poem"), "format"),
        (("--save", "trip.txt"), ".md or .json"),
        (("--save", "trip"), ".md or .json"),
        (("--save", "nowhere/trip.md"), "name a file in a folder that is there"),
        (("--save", "folder.md"), "name a file in a folder that is there"),
        (("--format", "prose", "--save", "trip.md"), "leave out --format prose"),
        (("--replace",), "--replace goes with --save"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_asked(
    person: Person, server: ScriptedApi, options: tuple[str, ...], says: str
) -> None:
    (person.here / "folder.md").mkdir()

    person.run("ask", "By train", "--url", server.base_url, *options, status=USAGE, says=says)

    assert server.seen == []
    assert [each.name for each in person.here.iterdir()] == ["folder.md"]


def test_a_trip_is_saved_as_json(person: Person, server: ScriptedApi) -> None:
    done = person.run("ask", "By train", "--url", server.base_url, "--save", "Trip.JSON")

    saved = json.loads((person.here / "Trip.JSON").read_text(encoding="utf-8"))
    assert saved == {name: value for name, value in TRIP_BODY.items() if name != "timestamp"}
    assert asked(server) == {"query": "By train", "format": "itinerary"}
    assert "Day 1" in done.out
    assert done.err.endswith("Saved to Trip.JSON.\n")


def test_a_trip_is_saved_as_markdown(person: Person, server: ScriptedApi) -> None:
    body = changed(understood={"destinations": ["<b>[x](http://y)"]})
    body["checks"]["results"] = [NOT_CHECKABLE | {"why": "`a` | *b*"}]
    server.script.clear()
    server.whole_stream(*trip_events(body))

    run(person, server, "--save", "trip.md", "--json")

    text = (person.here / "trip.md").read_text(encoding="utf-8")
    assert text == (
        f"{TRIP_BODY['answer']}\n\n"
        "## What could not be checked, or not all of it\n\n"
        "- step free: \\`a\\` \\| \\*b\\*\n\n"
        "Days 2 and 3 were repaired: written again by the model. Before, the trip broke the rules on "
        "overlaps, leg speed and mobility. Not all that was wrong could be repaired.\n\n"
        "Understood from your words: destinations \\<b\\>\\[x\\](http:\\//y); nights 3; adults 2; diet "
        "vegetarian.\n"
    )


def test_a_saved_trip_has_no_guarded_value_and_no_half_character(person: Person, server: ScriptedApi) -> None:
    guard(KEY)
    body = {**TRIP_BODY, "answer": f"Key {KEY}, \ud83d \x1b[1m."}
    server.script.clear()
    for _ in range(2):
        server.json(409, failure("streaming_disabled"))
        server.json(200, body)

    run(person, server, "--save", "trip.md")
    assert (person.here / "trip.md").read_text(encoding="utf-8").startswith("Key [redacted], ? [1m.\n")

    run(person, server, "--save", "trip.json")
    saved = json.loads((person.here / "trip.json").read_text(encoding="utf-8"))
    assert saved["answer"] == "Key [redacted], \ud83d \x1b[1m."


@pytest.mark.parametrize(
    ("options", "how", "status", "replaced"),
    [
        ((), {"given": "y\n", "at_terminal": True}, 0, True),
        ((), {"given": "n\n", "at_terminal": True}, FAILED, False),
        ((), {}, USAGE, False),
        (("--replace",), {}, 0, True),
    ],
    ids=["yes", "no", "no-terminal", "replace"],
)
def test_a_file_that_is_there_is_replaced_after_a_question(
    person: Person,
    server: ScriptedApi,
    options: tuple[str, ...],
    how: dict[str, Any],
    status: int,
    replaced: bool,
) -> None:
    path = person.here / "trip.json"
    path.write_text("mine")

    done = run(person, server, "--save", "trip.json", *options, status=status, **how)

    assert (path.read_text() != "mine", bool(server.seen)) == (replaced, replaced)
    if status == USAGE:
        assert "To replace the file, add --replace." in done.err


def test_a_link_is_followed(person: Person, server: ScriptedApi) -> None:
    target = person.here / "other.json"
    target.write_text("mine")
    (person.here / "trip.json").symlink_to(target)

    run(person, server, "--save", "trip.json", "--replace")

    assert (person.here / "trip.json").is_symlink()
    assert json.loads(target.read_text())["status"] == "success"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_a_trip_that_cannot_be_saved_is_shown_nevertheless(
    person: Person, server: ScriptedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("travel_gpt.cli.itinerary.saving.replace_file", full)

    done = run(person, server, "--save", "trip.md", status=FAILED, says="No space left on device. The trip")

    assert "Day 1" in done.out


def test_a_trip_of_a_later_version_is_kept_and_not_shown(person: Person, server: ScriptedApi) -> None:
    body = changed()
    body["itinerary"]["days"][0]["legs"][0]["mode"] = "rocket"
    server.script.clear()
    server.whole_stream(*trip_events(body))

    done = run(
        person,
        server,
        "--save",
        "trip.json",
        status=FAILED,
        says="cannot show (trip.days.0.legs.0.mode)",
    )

    assert done.out == ""
    saved = json.loads((person.here / "trip.json").read_text(encoding="utf-8"))
    assert saved["itinerary"] == body["itinerary"]


def test_fields_of_a_later_version_are_ignored(person: Person, server: ScriptedApi) -> None:
    body = changed(itinerary={"weather": "fine"}, checks={"by": "whom"})
    body["itinerary"]["days"][0]["mood"] = "good"

    assert "Day 1" in shown(person, server, body)


def test_half_a_character_of_prose_is_json_too(person: Person, server: ScriptedApi) -> None:
    server.script.clear()
    server.json(409, failure("streaming_disabled"))
    server.json(200, {**BODY, "answer": "a \ud83d"})

    done = person.run("ask", "Lisbon?", "--url", server.base_url, "--json")

    assert json.loads(done.out)["answer"] == "a \ud83d"
