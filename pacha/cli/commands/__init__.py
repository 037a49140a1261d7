"""One command a file; see `pacha.cli.commands_table`."""
