"""Room 9: the Python door. `pacha.open()` gives a `Registry`; what it returns are the values of the rooms below."""
