"""The event log of each app; whoever sends webhooks hears of each event in its own act."""
