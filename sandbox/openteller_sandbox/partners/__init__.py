"""Partners and their apps: who may call, and with which scopes."""
