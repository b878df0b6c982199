"""Worlds: the unit of isolation of the sandbox, each with data and a clock of its own."""
