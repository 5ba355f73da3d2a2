"""Answers that follow a schema: how each API asks for them, and what servers refuse."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx2
import openai
import pytest

from tests.fakes.openai import bodies, formats
from tests.unit.doubles import FIRST, soon
from tests.unit.llm.sdk import Server, model_client, of_response, refusal
from tests.unit.llm.test_model_api import both_apis
from travel_gpt.errors import ContentRefused, UpstreamFailed
from travel_gpt.llm.capabilities import ServerCapabilities, Structured
from travel_gpt.llm.client import MODEL_APIS
from travel_gpt.llm.json_text import json_in
from travel_gpt.llm.model_api import IN_WORDS, Answer, ModelRequest, Prompt, Schema
from travel_gpt.llm.streaming import StreamControl

DOCUMENT = {
    "type": "object",
    "properties": {"town": {"type": "string"}},
    "required": ["town"],
    "additionalProperties": False,
}
SCHEMA = Schema("trip_outline", json.dumps(DOCUMENT, indent=2))
PROMPT = Prompt("Plan.", '{"task": "outline"}', SCHEMA)
IN_THE_INSTRUCTIONS = f"Plan.\n\n{IN_WORDS}\n{json.dumps(DOCUMENT, separators=(',', ':'))}"
OWN_SERVER = {"OPENAI_BASE_URL": "http://127.0.0.1:8000/v1"}


def body(api: str, structured: Structured, *, ignores_schema: bool = False) -> dict[str, Any]:
    capabilities = ServerCapabilities(at_openai=True)
    capabilities.structured = structured
    if ignores_schema:
        capabilities.note_schema_ignored()
    return MODEL_APIS[api].body(ModelRequest(PROMPT, "gpt-6-luna", 700, "none", capabilities))


def instructions(sent: dict[str, Any]) -> str:
    messages = sent.get("messages") or [{"content": sent.get("instructions")}, *sent["input"]]
    return str(next(each["content"] for each in messages if each["content"]))


def asked(api: str, sent: dict[str, Any]) -> tuple[str, bool]:
    """Return the type of the format that was asked for, and whether the schema is there in words."""
    kind = formats.format_type("responses" if api == "responses" else "chat", sent)
    return kind, instructions(sent) == IN_THE_INSTRUCTIONS


class TestWhatIsSent:
    """The bodies of both APIs."""

    def test_on_responses(self) -> None:
        sent = body("responses", "schema")

        shape = {"type": "json_schema", "name": "trip_outline", "strict": True, "schema": DOCUMENT}
        assert (sent["text"], sent["instructions"]) == ({"format": shape}, "Plan.")

    def test_on_chat(self) -> None:
        sent = body("chat", "schema")

        shape = {"name": "trip_outline", "strict": True, "schema": DOCUMENT}
        assert sent["response_format"] == {"type": "json_schema", "json_schema": shape}
        assert instructions(sent) == "Plan."

    @both_apis
    @pytest.mark.parametrize("stream", [True, False])
    @pytest.mark.parametrize(
        ("structured", "kind"), [("schema", "json_schema"), ("json", "json_object"), ("words", "text")]
    )
    def test_openai_would_take_each_form(
        self, api: str, structured: Structured, kind: str, stream: bool
    ) -> None:
        sent = body(api, structured)
        if stream:
            sent["stream"] = True

        assert formats.complaint("responses" if api == "responses" else "chat", sent) is None
        assert asked(api, sent) == (kind, structured != "schema")

    def test_json_mode_on_responses_has_the_word_in_the_input_where_it_counts(self) -> None:
        sent = body("responses", "json")

        assert sent["input"] == [
            {"role": "system", "content": IN_THE_INSTRUCTIONS},
            {"role": "user", "content": PROMPT.query},
        ]
        assert "instructions" not in sent

    @both_apis
    def test_a_server_that_ignores_the_schema_gets_it_in_words_too(self, api: str) -> None:
        assert asked(api, body(api, "schema", ignores_schema=True)) == ("json_schema", True)

    @both_apis
    def test_prose_is_asked_for_as_ever(self, api: str) -> None:
        capabilities = ServerCapabilities(at_openai=False)
        capabilities.note_schema_ignored()
        capabilities.structured = "json"
        prose = replace(PROMPT, schema=None)

        sent = MODEL_APIS[api].body(ModelRequest(prose, "gpt-6-luna", 700, "none", capabilities))

        assert (asked(api, sent), instructions(sent)) == (("text", False), "Plan.")

    def test_a_schema_can_be_compared_and_is_parsed_once(self) -> None:
        assert {SCHEMA: 1}[Schema(SCHEMA.name, SCHEMA.text)] == 1
        assert SCHEMA.document is SCHEMA.document


STEPS: tuple[Structured, ...] = ("schema", "json", "words")
OF_SERVERS = {
    "openai": refusal(400, "It is not supported with this model.", param="response_format"),
    "doubao": refusal(400, "The parameter `response_format.type` specified in the request are not valid"),
    "deepseek": refusal(400, "This response_format type is unavailable now"),
    "groq": refusal(400, "This model does not support response format `json_schema`."),
    "lm-studio": of_response(
        httpx2.Response(400, json={"error": "'response_format.type' must be 'json_schema'"})
    ),
    "vllm": of_response(
        httpx2.Response(
            400, json={"message": "The provided JSON schema contains features not supported by xgrammar."}
        )
    ),
    "llama.cpp": refusal(400, "Failed to initialize samplers: failed to parse grammar"),
    "gemini": of_response(
        httpx2.Response(
            400,
            json=[{"error": {"message": "Unknown name \"$ref\" at 'generation_config.response_schema'"}}],
        )
    ),
    "anthropic": refusal(400, "response_format.json_schema.strict: Input should be True"),
    "litellm": refusal(400, "litellm.UnsupportedParamsError: Setting `response_format` is not supported"),
    "fastapi": of_response(
        httpx2.Response(
            422,
            json={"detail": [{"loc": ["body", "response_format"], "msg": "Extra inputs are not permitted"}]},
        )
    ),
}


class TestWhatIsLearned:
    """A step for each refusal."""

    @pytest.mark.parametrize("failure", OF_SERVERS.values(), ids=OF_SERVERS)
    def test_a_server_that_refuses_a_format_is_asked_for_less_step_by_step(
        self, failure: openai.APIStatusError
    ) -> None:
        capabilities = ServerCapabilities(at_openai=False)

        steps = [(capabilities.learn(failure, sent), capabilities.structured) for sent in STEPS]

        # No endless loop: nothing is left to learn.
        assert steps == [(True, "json"), (True, "words"), (False, "words")]
        assert capabilities.store, "nothing else is left out"

    @pytest.mark.parametrize("failure", OF_SERVERS.values(), ids=OF_SERVERS)
    def test_prose_teaches_nothing_of_formats(self, failure: openai.APIStatusError) -> None:
        capabilities = ServerCapabilities(at_openai=False)

        assert not capabilities.learn(failure)

        assert capabilities.structured == "schema"

    @pytest.mark.parametrize(
        "param",
        ["response_format", "text.format", "text.format.schema", "response_format.json_schema.schema"],
    )
    def test_openai_is_asked_for_less_where_it_names_the_parameter(self, param: str) -> None:
        capabilities = ServerCapabilities(at_openai=True)

        assert capabilities.learn(refusal(400, "It is not supported with this model.", param=param), "schema")

        assert (capabilities.structured, capabilities.reasoning) == ("json", True)

    @pytest.mark.parametrize("param", [None, "", "input", "messages[1].content", "text"])
    def test_a_users_words_in_a_refusal_of_openai_change_nothing(self, param: str | None) -> None:
        capabilities = ServerCapabilities(at_openai=True)
        quoted = "Invalid input: 'what is response_format json_schema of text.format?'"

        assert not capabilities.learn(refusal(400, quoted, param=param), "schema")

        assert capabilities.structured == "schema"

    def test_an_answer_that_the_server_itself_found_invalid_is_no_refusal_of_the_schema(self) -> None:
        capabilities = ServerCapabilities(at_openai=False)
        failure = refusal(400, "Generated JSON does not match the json_schema", code="json_validate_failed")

        assert not capabilities.learn(failure, "schema")

        assert capabilities.structured == "schema"

    def test_the_refusal_of_another_parameter_that_quotes_the_body_keeps_the_name_of_the_cap(self) -> None:
        # A rename cannot be taken back, and a format can be asked for otherwise.
        capabilities = ServerCapabilities(at_openai=False)
        echoed = refusal(400, 'Bad body: {"max_tokens": 700, "response_format": {}}')

        assert capabilities.learn(echoed, "schema")

        assert (capabilities.structured, capabilities.output_cap) == ("json", "max_tokens")

    def test_the_same_refusal_of_several_threads_is_one_step(self) -> None:
        capabilities = ServerCapabilities(at_openai=False)
        together, failure = threading.Barrier(8), OF_SERVERS["deepseek"]

        def learn(_: int) -> bool:
            together.wait(10)
            return capabilities.learn(failure, "schema")

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(learn, range(8))), "each may ask again"

        assert capabilities.structured == "json"

    def test_a_late_refusal_takes_no_step_back(self) -> None:
        capabilities = ServerCapabilities(at_openai=False)
        capabilities.structured = "words"

        assert capabilities.learn(OF_SERVERS["deepseek"], "schema"), "it may ask again"

        assert capabilities.structured == "words"


class Formats(Server):
    """A server that accepts some formats, and answers any call that it accepts."""

    def __init__(self, *accepted: str, text: str = '{"town": "Lisbon"}', **answer: Any) -> None:
        super().__init__(self.answer)
        self.accepted, self.text, self.extra = accepted, text, answer
        self.asked: list[tuple[str, bool]] = []

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        api = "chat" if request.url.path.endswith("completions") else "responses"
        sent = json.loads(request.content)
        self.asked.append(asked(api, sent))
        if self.asked[-1][0] not in self.accepted:
            return httpx2.Response(400, json={"error": "'response_format.type' is not supported here"})
        made = bodies.completion if api == "chat" else bodies.response
        return httpx2.Response(200, json=made(sent, self.text, **self.extra))


def call(server: Server, api: str, how: str, times: int = 1) -> list[Answer]:
    client = model_client(server, OPENAI_API=api, **OWN_SERVER)
    answers = []
    for _ in range(times):
        if how == "ask":
            answers.append(client.ask(PROMPT, FIRST, soon()))
        else:
            *_, answer = client.stream(PROMPT, FIRST, soon(), StreamControl())
            assert isinstance(answer, Answer)
            answers.append(answer)
    return answers


both_ways = pytest.mark.parametrize("how", ["ask", "stream"])


@both_apis
@both_ways
class TestCalls:
    """Whole calls, asked and streamed."""

    @pytest.mark.parametrize(
        ("accepted", "tries"),
        [
            (("json_schema", "text"), [("json_schema", False)]),
            (("json_object", "text"), [("json_schema", False), ("json_object", True)]),
            (("text",), [("json_schema", False), ("json_object", True), ("text", True)]),
        ],
    )
    def test_a_refused_format_costs_one_try_once(
        self, api: str, how: str, accepted: tuple[str, ...], tries: list[tuple[str, bool]]
    ) -> None:
        server = Formats(*accepted)

        answers = call(server, api, how, times=2)

        assert [json_in(answer.text) for answer in answers] == [{"town": "Lisbon"}] * 2
        assert server.asked == [*tries, tries[-1]]

    def test_a_server_that_refuses_everything_ends_the_call(self, api: str, how: str) -> None:
        server = Formats()

        with pytest.raises(UpstreamFailed, match="400"):
            call(server, api, how)

        assert [kind for kind, _ in server.asked] == ["json_schema", "json_object", "text"]

    def test_a_schema_that_was_ignored_is_sent_in_words_the_next_time(self, api: str, how: str) -> None:
        server = Formats("json_schema", text="Take tram 28.")
        client = model_client(server, OPENAI_API=api, **OWN_SERVER)
        for _ in range(2):
            if how == "ask":
                answer = client.ask(PROMPT, FIRST, soon())
            else:
                *_, last = client.stream(PROMPT, FIRST, soon(), StreamControl())
                assert isinstance(last, Answer)
                answer = last
            with pytest.raises(ValueError, match="no JSON"):
                json_in(answer.text)
            client.note_schema_ignored(FIRST)

        assert server.asked == [("json_schema", False), ("json_schema", True)]

    def test_a_model_that_declines_is_no_answer(self, api: str, how: str) -> None:
        extra = {"refusal": "I cannot help with that."}

        with pytest.raises(ContentRefused):
            call(Formats("json_schema", text="", **extra), api, how)

    def test_a_content_filter_that_takes_the_answer_is_no_answer(self, api: str, how: str) -> None:
        extra = (
            {"finish": "content_filter"}
            if api == "chat"
            else {"status": "incomplete", "reason": "content_filter", "items": False}
        )

        with pytest.raises(ContentRefused):
            call(Formats("json_schema", text="", **extra), api, how)

    def test_an_answer_that_is_cut_says_so_and_is_not_taken_for_json(self, api: str, how: str) -> None:
        extra = (
            {"finish": "length"} if api == "chat" else {"status": "incomplete", "reason": "max_output_tokens"}
        )

        (answer,) = call(Formats("json_schema", text='{"town": "Lis', **extra), api, how)

        assert answer.truncated
        with pytest.raises(ValueError, match="complete"):
            json_in(answer.text)
