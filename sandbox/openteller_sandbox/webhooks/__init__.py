"""Webhooks: endpoints of apps, and the delivery of events to them, at least once.

An event and its deliveries are written in one act: the table of deliveries is the outbox. A dispatcher claims what is
due for a while, sends it with no transaction open, and records what came of it; whoever dies in between leaves claims
that expire. Several dispatchers, in one process or in many, share the work.
"""
