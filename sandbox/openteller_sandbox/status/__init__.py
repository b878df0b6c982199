"""Health of the services, and the bank's official accounts."""
