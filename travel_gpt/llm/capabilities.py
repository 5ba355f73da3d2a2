"""Which parameters a server accepts, learned from its refusals.

Servers that speak OpenAI's API accept different parameters, and so do OpenAI's own models. A table of them
would soon be out of date. So a parameter that an answer does not need is left out once a server refused it.
"""

from typing import Final, Literal

from travel_gpt.llm.error_body import ErrorBody, read_error_body
from travel_gpt.telemetry import logger

Structured = Literal["schema", "json", "words"]
"""How an answer is asked for that follows a schema: with the schema, in JSON mode (``json_object``), or with
words alone."""

_LESS: Final[dict[Structured, Structured]] = {"schema": "json", "json": "words"}

_FORMAT_PARAMETERS: Final = ("response_format", "text.format")
# OpenAI: "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model."
# (web-infra-dev/midscene issue 259). Doubao: "The parameter `response_format.type` …" (agno-agi/agno issue
# 2553). LM Studio: "'response_format.type' must be 'json_schema'" (lmstudio-bug-tracker issue 307). DeepSeek:
# "This response_format type is unavailable now". Anthropic: "response_format.json_schema.strict: Input should
# be True" (steilerDev/cornerstone pull request 1561). Groq: "This model does not support response format
# `json_schema`." Gemini: "Unknown name "$schema" at 'generation_config.response_schema'"
# (QuantumNous/new-api pull request 1037). vLLM: "The provided JSON schema contains features not supported by
# xgrammar." (vllm issue 26421). llama.cpp: "failed to parse grammar" (flagdizero/jenny-android-ai-agent
# issue 2).
_FORMAT_WORDS: Final = (
    *_FORMAT_PARAMETERS,
    "response format",
    "response_schema",
    "json_schema",
    "json schema",
    "json_object",
    "json mode",
    "parse grammar",
)
_BROKEN_ANSWER: Final = "json_validate_failed"
"""Groq's code where the model's answer does not follow a schema that the server does accept."""


class ServerCapabilities:
    """Which parameters one server accepts for one model.

    Args:
        at_openai: whether the server is OpenAI itself.

    Attributes:
        reasoning: whether to send the reasoning effort.
        store: whether to send ``store: false``.
        service_tier: whether to ask for OpenAI's standard processing, whose prices are known; a project may
            have another default that costs more.
        output_cap: the name of the output cap in the Chat Completions API. One is always sent: no call is
            made without a limit on its cost.
        stream: whether to ask for a stream. OpenAI refuses that to organizations that are not verified, and
            answers the same query at once (recorded: openai/POST /v1/responses stream/
            400-org-not-verified-stream).
        structured: how to ask for an answer that follows a schema.
        stream_options: whether to ask a stream of the Chat Completions API for its usage.
        unopened_reasoning: whether the model's text begins with reasoning that has a closing tag only.
    """

    def __init__(self, *, at_openai: bool) -> None:
        # Few other servers have a reasoning effort, and older ones have only max_tokens, which OpenAI's
        # reasoning models refuse.
        self.reasoning = self.service_tier = at_openai
        self.store = self.stream = self.stream_options = True
        self.unopened_reasoning = False
        self.structured: Structured = "schema"
        self._ignores_schema = False
        self._at_openai = at_openai
        self.output_cap, self._other_cap = ("max_completion_tokens", "max_tokens")[:: 1 if at_openai else -1]
        # OpenAI accepts store. Were it left out, because a refusal quotes a user's word, OpenAI would keep
        # every later query for 30 days.
        self._optional = ("reasoning",) if at_openai else ("reasoning", "store", "stream_options")

    @property
    def ignores_schema(self) -> bool:
        """Whether the server once accepted a schema, and answered something else."""
        return self._ignores_schema

    def note_schema_ignored(self) -> None:
        """Have later calls carry the schema in words too, since the server accepts it and ignores it."""
        if not self._ignores_schema:
            self._ignores_schema = True
            logger.info("The server does not keep to a schema that it accepts: it is sent in words too")

    def learn(self, failure: Exception, sent: Structured | None = None) -> bool:
        """Note a parameter that the server refused.

        Args:
            failure: what the call raised.
            sent: how the call asked for an answer that follows a schema; None where it did not.

        Returns:
            Whether a parameter will be left out or renamed that was sent before, so that the call can be
            repeated.
        """
        # The call has imported it. The prices, which need this module, are read without a call too.
        import openai

        if not isinstance(failure, openai.BadRequestError | openai.UnprocessableEntityError):
            return False
        named = read_error_body(failure.body)
        if self.stream and named.param == "stream":
            return self._leave_out("stream")
        if sent and named.param.lower().startswith(_FORMAT_PARAMETERS):
            return self._ask_for_less(sent)
        # Each server has an error format of its own, and all of them name the parameter.
        error = str(failure.body).lower()
        for parameter in self._optional:
            if parameter in error and getattr(self, parameter):
                return self._leave_out(parameter)
        if sent and self._refuses_format(named, error):
            return self._ask_for_less(sent)
        # Read once: another thread may learn the same from its own refusal meanwhile.
        other_cap = self._other_cap
        if other_cap and self.output_cap in error:
            self.output_cap, self._other_cap = other_cap, ""
            logger.info(
                "The server has another name for the output cap", extra={"parameter": self.output_cap}
            )
            return True
        return False

    def _refuses_format(self, named: ErrorBody, error: str) -> bool:
        # OpenAI names the parameter, and its other refusals may quote a user's words: they would switch
        # schemas off for every later call.
        if self._at_openai or _BROKEN_ANSWER in named.codes:
            return False
        return any(word in error for word in _FORMAT_WORDS)

    def _ask_for_less(self, sent: Structured) -> bool:
        if sent not in _LESS:
            return False
        # Another thread may have learned the same from its own refusal: that is one step, not two.
        if self.structured == sent:
            self.structured = _LESS[sent]
            logger.info(
                "The server does not accept a format of answers: it is asked otherwise",
                extra={"refused": sent, "then": _LESS[sent]},
            )
        return True

    def _leave_out(self, parameter: str) -> bool:
        setattr(self, parameter, False)
        logger.info("The server does not accept a parameter: it is left out", extra={"parameter": parameter})
        return True
