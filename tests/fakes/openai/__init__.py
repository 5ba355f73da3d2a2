"""A scripted OpenAI upstream over real loopback HTTP. Standard library only.

with FakeOpenAI() as upstream:
    upstream.script(RESPONSES, behaviours.unavailable(), behaviours.answer("Hello"))
    client = OpenAI(base_url=upstream.base_url, api_key="sk-any")
    ...
    assert [call.key for call in upstream.calls_to(RESPONSES)] == ["sk-any", "sk-any"]
"""

from tests.fakes.openai import behaviours
from tests.fakes.openai.behaviours import MALFORMED
from tests.fakes.openai.bodies import CHAT, MODELS, RESPONSES
from tests.fakes.openai.exchange import Behaviour, Call, Exchange
from tests.fakes.openai.server import ANY, FakeOpenAI

__all__ = [
    "ANY",
    "CHAT",
    "MALFORMED",
    "MODELS",
    "RESPONSES",
    "Behaviour",
    "Call",
    "Exchange",
    "FakeOpenAI",
    "behaviours",
]
