"""Slack: takes signed events and answers in place."""
