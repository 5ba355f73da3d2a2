"""How many visitors of the page Lambda refuses, where many open it at the same time.

It is a simulation. An account lets a number of requests run at the same time. A request gets an environment
that is idle, else a new one, else it is refused, and nothing tries again (Lambda developer guide, "Handling
Lambda errors with an API Gateway API"). A first load is the HTML, then the script, then ``me``. Assumed are
the seconds of a cold start, of an answer, and between two requests of a browser.
"""

import heapq
import random
from statistics import mean
from typing import Final

VISITORS: Final = 20
REQUESTS: Final = 3
COLD: Final = 0.55
WARM: Final = 0.05
BETWEEN: Final = 0.05
ROUNDS: Final = 1000


def refused(limit: int, within: float, chance: random.Random) -> int:
    """Let visitors open the page of a stack that has been idle.

    Args:
        limit: how many requests run at the same time.
        within: the seconds in which they come, each at any moment of them.
        chance: what chooses the moments.

    Returns:
        How many of them met a refusal.
    """
    running = idle = failed = 0
    # The moment, the visitor, the number of its request, and whether that begins or ends.
    events = [(chance.uniform(0, within), visitor, 0, True) for visitor in range(VISITORS)]
    heapq.heapify(events)
    while events:
        now, visitor, number, begins = heapq.heappop(events)
        if not begins:
            running, idle = running - 1, idle + 1
            if number + 1 < REQUESTS:
                heapq.heappush(events, (now + BETWEEN, visitor, number + 1, True))
        elif running == limit:
            failed += 1
        else:
            took = WARM if idle else COLD + WARM
            running, idle = running + 1, max(0, idle - 1)
            heapq.heappush(events, (now + took, visitor, number, False))
    return failed


def main() -> None:
    """Print how many of the visitors are refused, on average and at most."""
    chance = random.Random(1)
    print(f"Of {VISITORS} visitors, refused on average (at most), in {ROUNDS} rounds:")
    for limit in (10, 20, 40):
        for within in (0, 1, 5, 20):
            found = [refused(limit, within, chance) for _ in range(ROUNDS)]
            print(f"  limit {limit}, all within {within} s: {mean(found):.1f} ({max(found)})")


if __name__ == "__main__":
    main()
