"""One served folder put together from its parts: what `pacha serve` starts, and what tests ask without a network."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pacha.base.clock import Clock
from pacha.base.files import Durability
from pacha.base.ids import hash_bytes
from pacha.repo.environment import Environment
from pacha.server.access import AccessLog
from pacha.server.app import Setting, build
from pacha.server.depot import Depot
from pacha.server.handlers import Handlers
from pacha.server.limits import Limits
from pacha.server.running import Binding, hosts_of
from pacha.server.tokens import Tokens
from pacha.server.v1 import Reader, Shelf

#: Enough digits that two folders of one user never share their tokens.
_FOLDER_DIGITS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What is served, and how. `hosts` are names beside the address itself; `reader` answers the older API."""

    folder: str
    tokens: Tokens
    clock: Clock
    log: AccessLog
    binding: Binding = field(default_factory=Binding)
    limits: Limits = field(default_factory=Limits)
    hosts: Sequence[str] = ()
    reader: Reader | None = None
    durability: Durability = Durability.BATCH
    is_debug: bool = False


def tokens_folder(environment: Environment, folder: str) -> str:
    """Where the tokens of a served folder lie, unless another place is named: with this user's own settings."""
    digits = hash_bytes(os.path.realpath(folder).encode("utf-8", "surrogateescape")).hex[:_FOLDER_DIGITS]
    return os.path.join(environment.config_folder, "serve", digits)


def application(service: Service) -> Any:
    """The application of a service. Errors: `Unsupported` where starlette is not installed."""
    depot = Depot(service.folder, service.limits, durability=service.durability)
    depot.catch_up()
    setting = Setting(
        handlers=Handlers(depot, Shelf(service.reader)),
        tokens=service.tokens,
        limits=service.limits,
        clock=service.clock,
        log=service.log,
        hosts=hosts_of(service.binding, tuple(service.hosts)),
        new_file=depot.root.new_file,
        is_public=service.binding.is_public,
        is_any_address=not service.binding.is_local,
        is_debug=service.is_debug,
    )
    return build(setting)
