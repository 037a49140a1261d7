"""Registers training recipes, and finds, checks and exports their versions.

In these commands -v means version; NAME:VERSION works wherever NAME -v VERSION does.

Examples:
  pacha recipe register base.recipe.toml
  pacha recipe validate base.recipe.toml
  pacha recipe get base:1.0.0 --export base.recipe.toml

Group: registry
"""

from pacha.cli.groups import KindGroup

COMMAND = KindGroup("recipe", __doc__)
