"""The last requests of each world, for ``GET /sandbox/v1/requests``: bounded, in memory, without anything that a
caller sent.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Any

_MOST_ROWS = 500
_MOST_WORLDS = 200


class RequestLog:
    """A ring of rows for each world; the world that was quiet longest gives way."""

    def __init__(self) -> None:
        self._worlds: OrderedDict[str, deque[dict[str, Any]]] = OrderedDict()

    def note(self, world_id: str, row: dict[str, Any]) -> None:
        """Keep a row."""
        rows = self._worlds.get(world_id)
        if rows is None:
            rows = self._worlds[world_id] = deque(maxlen=_MOST_ROWS)
            if len(self._worlds) > _MOST_WORLDS:
                self._worlds.popitem(last=False)
        self._worlds.move_to_end(world_id)
        rows.append(row)

    def newest_first(self, world_id: str) -> list[dict[str, Any]]:
        """Give a world's rows."""
        return list(reversed(self._worlds.get(world_id, ())))
