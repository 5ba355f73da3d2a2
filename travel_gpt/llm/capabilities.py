"""Which parameters a server accepts, learned from its refusals.

Servers that speak OpenAI's API accept different parameters, and so do OpenAI's own models. A table of them
would soon be out of date. So a parameter that an answer does not need is left out once a server refused it.
"""

from travel_gpt.llm.error_body import read_error_body
from travel_gpt.telemetry import logger


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
        stream_options: whether to ask a stream of the Chat Completions API for its usage.
        unopened_reasoning: whether the model's text begins with reasoning that has a closing tag only.
    """

    def __init__(self, *, at_openai: bool) -> None:
        # Few other servers have a reasoning effort, and older ones have only max_tokens, which OpenAI's
        # reasoning models refuse.
        self.reasoning = self.service_tier = at_openai
        self.store = self.stream = self.stream_options = True
        self.unopened_reasoning = False
        self.output_cap, self._other_cap = ("max_completion_tokens", "max_tokens")[:: 1 if at_openai else -1]
        # OpenAI accepts store. Were it left out, because a refusal quotes a user's word, OpenAI would keep
        # every later query for 30 days.
        self._optional = ("reasoning",) if at_openai else ("reasoning", "store", "stream_options")

    def learn(self, failure: Exception) -> bool:
        """Note a parameter that the server refused.

        Args:
            failure: what the call raised.

        Returns:
            Whether a parameter will be left out or renamed that was sent before, so that the call can be
            repeated.
        """
        # The call has imported it. The prices, which need this module, are read without a call too.
        import openai

        if not isinstance(failure, openai.BadRequestError | openai.UnprocessableEntityError):
            return False
        if self.stream and read_error_body(failure.body).param == "stream":
            return self._leave_out("stream")
        # Each server has an error format of its own, and all of them name the parameter.
        error = str(failure.body).lower()
        for parameter in self._optional:
            if parameter in error and getattr(self, parameter):
                return self._leave_out(parameter)
        # Read once: another thread may learn the same from its own refusal meanwhile.
        other_cap = self._other_cap
        if other_cap and self.output_cap in error:
            self.output_cap, self._other_cap = other_cap, ""
            logger.info(
                "The server has another name for the output cap", extra={"parameter": self.output_cap}
            )
            return True
        return False

    def _leave_out(self, parameter: str) -> bool:
        setattr(self, parameter, False)
        logger.info("The server does not accept a parameter: it is left out", extra={"parameter": parameter})
        return True
