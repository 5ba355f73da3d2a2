"""What a server does not take, learnt from its refusals.

Servers that speak OpenAI's API take different parts of it, and so do OpenAI's own models. A table of them
would be wrong by next month, so what an answer does not need is left out once a server refused it by name.
"""

from typing import Final

import openai

from travel_gpt.telemetry import logger

REASONING: Final = "reasoning"
STORE: Final = "store"
MAX_TOKENS: Final = "max_tokens"
MAX_COMPLETION_TOKENS: Final = "max_completion_tokens"

# One of these always goes out: a call without a cap on its cost is not made.
_CAPS: Final = (MAX_COMPLETION_TOKENS, MAX_TOKENS)


class ServerCapabilities:
    """What one server and model do not take.

    Args:
        at_openai: whether the server is OpenAI itself.
    """

    def __init__(self, *, at_openai: bool) -> None:
        # Others rarely know a reasoning effort, and older ones know only max_tokens, which OpenAI's reasoning
        # models refuse.
        self._refused = set() if at_openai else {REASONING}
        self._caps = list(_CAPS if at_openai else reversed(_CAPS))
        # OpenAI knows store. Were it left out, because a refusal quotes a traveller's word, OpenAI would keep
        # every later query for 30 days.
        self._optional = (REASONING,) if at_openai else (REASONING, STORE)

    def takes(self, parameter: str) -> bool:
        """Tell whether to send an optional parameter."""
        return parameter not in self._refused

    @property
    def chat_cap(self) -> str:
        """The name of the output cap on the chat wire."""
        return self._caps[0]

    def learn(self, failure: Exception) -> bool:
        """Take note of a parameter that the server refused.

        Args:
            failure: what the call raised.

        Returns:
            Whether there is something new, so that another try makes sense.
        """
        if not isinstance(failure, openai.BadRequestError | openai.UnprocessableEntityError):
            return False
        # Each server has a shape of its own for this, and all of them name the parameter.
        said = str(failure.body).lower()
        for parameter in self._optional:
            if parameter in said and self.takes(parameter):
                self._refused.add(parameter)
                logger.info(
                    "The server does not take a parameter: going on without", extra={"parameter": parameter}
                )
                return True
        if len(self._caps) > 1 and self._caps[0] in said:
            logger.info(
                "The server wants another name for the output cap", extra={"parameter": self._caps[1]}
            )
            # Not taken away one by one: two threads may learn this at once.
            self._caps = self._caps[-1:]
            return True
        return False
