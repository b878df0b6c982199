"""The event log of each app, and the outbox that webhooks will be sent from."""
