"""Room 6: artifacts, versions, stages and references: what the names that people type mean."""
