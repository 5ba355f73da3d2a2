"""The command ``travel-gpt``, for the owner at a keyboard. Never packaged for Lambda."""
