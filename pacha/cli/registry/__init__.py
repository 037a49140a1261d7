"""The commands of the groups model, data and recipe. A module's name is the command's, with the kind before it if only one has it."""
