"""Make the day's rate card: `python make_card.py --url http://127.0.0.1:8080 --out cards`."""

from __future__ import annotations

import sys

from rate_card.command import main

if __name__ == "__main__":
    sys.exit(main())
