"""What the model is asked for."""

from pathlib import Path
from typing import Final

INSTRUCTIONS: Final = Path(__file__).with_name("instructions.txt").read_text(encoding="utf-8").strip()
"""What the model is to do with a travel query."""
