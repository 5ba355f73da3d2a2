"""Travel GPT: a travel adviser on AWS Lambda that keeps its OpenAI key safe."""

__version__ = "0.1.0"
