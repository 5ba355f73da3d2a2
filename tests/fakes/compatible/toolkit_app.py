"""A server made with fastapi-openai-compat, a third party's implementation of both APIs.

Its routes, its documents and the shape of its errors (FastAPI's `{"detail": …}`) are the library's; the
models and what goes wrong with them are here. `/v1` has both APIs, `/chat-only/v1` has Chat Completions
alone.
"""

import os
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi_openai_compat import create_chat_completion_router, create_responses_router

ANSWERS = {
    "travel": "Take tram 28.",
    "reasoning": "<think>A tram or a bus?</think>\n\nTake tram 28.",
}
REFUSALS: dict[str, tuple[int, object]] = {
    "limited": (429, "Rate limit reached for requests"),
    "spent": (429, {"error": {"message": "You exceeded your current quota.", "code": 429}}),
    "full": (400, {"error": "This model's maximum context length is 1024 tokens."}),
}


def let_in(authorization: Annotated[str, Header()] = "") -> None:
    """Refuse another key than the one that was given at the start."""
    if authorization != f"Bearer {os.environ['TOOLKIT_KEY']}":
        raise HTTPException(status_code=401, detail="Invalid API key")


def run(model: str, said: list[Any], body: dict[str, Any]) -> str:
    """Answer, or fail as the model's name says."""
    del said, body
    if model in REFUSALS:
        status, detail = REFUSALS[model]
        raise HTTPException(status_code=status, detail=detail)
    if model == "broken":
        raise RuntimeError("the pipeline failed")
    if model not in ANSWERS:
        raise HTTPException(status_code=404, detail=f"The model `{model}` does not exist.")
    return ANSWERS[model]


def list_models() -> list[str]:
    """Return the models that answer."""
    return list(ANSWERS)


app = FastAPI()
chat = create_chat_completion_router(list_models=list_models, run_completion=run)
app.include_router(chat, dependencies=[Depends(let_in)])
app.include_router(
    create_responses_router(list_models=list_models, run_response=run), dependencies=[Depends(let_in)]
)
app.include_router(chat, prefix="/chat-only", dependencies=[Depends(let_in)])
