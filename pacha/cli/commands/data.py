"""Registers datasets, and finds, checks, compares and describes their versions.

In these commands -v means version; NAME:VERSION works wherever NAME -v VERSION does.

Examples:
  pacha data register users users.csv -v 1.0.0 --purpose 'churn training'
  pacha data schema users
  pacha data diff users:1.0.0 users:1.1.0 --key id
  pacha data validate users.csv --schema users.schema.toml

Group: registry
"""

from pacha.cli.groups import KindGroup

COMMAND = KindGroup("data", __doc__)
