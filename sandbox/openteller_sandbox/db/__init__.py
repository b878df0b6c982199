"""The database: statements written once in SQLAlchemy Core, run on the driver.

``metadata`` holds every table; each feature's ``store`` declares its own there. A service opens ``with bank.db.act()
as tx`` and hands ``tx`` to its store and to other features' services; what happens inside is kept whole or not at
all. Stores never commit. Instants are epoch milliseconds, money is minor units and a currency, wire records are JSON
text.
"""

from openteller_sandbox.db.engine import (
    Database,
    DatabaseError,
    EngineError,
    EngineUnavailable,
    FirstAct,
    Row,
    Tx,
)
from openteller_sandbox.db.opening import in_memory, open_database
from openteller_sandbox.db.statements import Insert, Statement, insert_or_ignore, metadata

__all__ = [
    "Database",
    "DatabaseError",
    "EngineError",
    "EngineUnavailable",
    "FirstAct",
    "Insert",
    "Row",
    "Statement",
    "Tx",
    "in_memory",
    "insert_or_ignore",
    "metadata",
    "open_database",
]
