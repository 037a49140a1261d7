"""Registers models, and finds, inspects, downloads, describes and promotes their versions.

In these commands -v means version; NAME:VERSION works wherever NAME -v VERSION does.

Examples:
  pacha model register fraud-detector model.safetensors -v 1.0.0 --trained-on data/users:3.1.0
  pacha model list
  pacha model get fraud-detector:1.0.0
  pacha model stage fraud-detector -v 1.0.0 -t production --reason 'beats 0.9.2'

Group: registry
"""

from pacha.cli.groups import KindGroup

COMMAND = KindGroup("model", __doc__)
