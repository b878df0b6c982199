"""Customers' accounts at billers, saved by apps that customers have allowed to. No number leaves the bank."""
