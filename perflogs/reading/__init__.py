"""Reads what ReFrame writes into one history, whatever format it is in."""
