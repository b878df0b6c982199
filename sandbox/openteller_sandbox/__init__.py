"""The OpenTeller sandbox: a demo bank that implements the contract in ``specs/``.

One feature, one folder, with the same file names in each: ``routes`` (HTTP in and out), ``schemas`` (the wire),
``service`` (the rules and the transaction; no Flask, no SQL) and ``store`` (the SQL; never commits). Features know
each other only through ``service``. Nothing here is imported
by the SDK, and nothing of the SDK is imported here: both implement the contract, and share no code.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
