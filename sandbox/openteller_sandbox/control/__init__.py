"""Control of a sandbox world: apps, magic account numbers, the test clock, reset, the request log."""
