"""Alerts: rules in one file, a pure evaluation, silences, and messages that are not lost when a sink is down."""
