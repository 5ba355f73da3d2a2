"""What a test says to the process of its server, and in a query to the model."""

from typing import Final

REPLY: Final = "reply "
"""Begins a line with the reply to a command."""

SLOWLY: Final = "slowly"
"""In a query: the model takes SLOW_SECONDS to write each text."""
SLOW_SECONDS: Final = 15
HOSTILE: Final = "hostile"
"""In a query: what the model writes would run as a script in a page that does not treat it as text."""
MARKUP: Final = '<img src=x onerror="window.attacked=1"><script>window.attacked=1</script>'
HOSTILE_PROSE: Final = f"""# {MARKUP}

{MARKUP} and **{MARKUP}** and `{MARKUP}`

- [a script](javascript:window.attacked=1) [another](JaVaScRiPt&colon;window.attacked=1)
- [data](data:text/html,<script>window.attacked=1</script>) [a tab](java\tscript:window.attacked=1)
- [a page](https://example.com/ "x\\" onmouseover=\\"window.attacked=1") and <javascript:window.attacked=1>

![a picture](https://example.com/pixel.gif) <a href="javascript:window.attacked=1">raw</a>
"""
