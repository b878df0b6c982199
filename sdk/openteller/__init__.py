"""OpenTeller: what a partner installs.

This release holds the command line: ``openteller sandbox serve`` runs a demo bank on this machine, ``openteller apps
create`` makes credentials for it, and ``openteller demo`` shows a bill being found, linked, paid and receipted.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
