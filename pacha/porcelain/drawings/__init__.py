"""Lineage as text and pictures: pure functions of a report. Whatever a stranger wrote is escaped here."""
