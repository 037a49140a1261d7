"""The table of all routes: what each is, and who may ask it. There is no other place that lets anybody in.

A route without a rule does not exist: the application is made from this table, and a test walks the one to find the other.
What is not in the table is answered like a missing key, and only to who may read.
"""

from dataclasses import dataclass
from enum import Enum

from pacha.server.tokens import Caller, Role

_MAY = {Role.READ: "read", Role.PUSH: "push", Role.ADMIN: "keep the server in order"}


class Need(Enum):
    """What a route asks of a caller."""

    NOTHING = None
    READ = Role.READ
    PUSH = Role.PUSH
    ADMIN = Role.ADMIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One route: `handler` is the name of what answers it; `body` the name of the limit of its body, if it has one."""

    method: str
    path: str
    need: Need
    handler: str
    body: str | None = None


RULES = (
    Rule(method="GET", path="/", need=Need.NOTHING, handler="front"),
    Rule(method="GET", path="/capabilities", need=Need.NOTHING, handler="capabilities"),
    Rule(method="GET", path="/list/{folder}/", need=Need.READ, handler="list_keys"),
    Rule(method="GET", path="/list/{folder}/{after}", need=Need.READ, handler="list_keys"),
    Rule(method="GET", path="/r/{key:path}", need=Need.READ, handler="get_value"),
    Rule(method="PUT", path="/r/format", need=Need.PUSH, handler="put_format", body="format_bytes"),
    Rule(method="PUT", path="/r/log/{name}", need=Need.PUSH, handler="put_entry", body="entry_bytes"),
    Rule(method="PUT", path="/r/packs/{name}", need=Need.PUSH, handler="put_pack", body="pack_bytes"),
    Rule(method="PUT", path="/r/indexes/{name}", need=Need.PUSH, handler="put_index", body="index_bytes"),
    Rule(method="PUT", path="/r/probe/{name}", need=Need.PUSH, handler="put_probe", body="format_bytes"),
    Rule(method="DELETE", path="/r/probe/{name}", need=Need.PUSH, handler="delete_probe"),
    Rule(method="DELETE", path="/r/packs/{name}", need=Need.ADMIN, handler="delete_pack"),
    Rule(method="DELETE", path="/r/indexes/{name}", need=Need.ADMIN, handler="delete_index"),
    Rule(method="DELETE", path="/r/checkpoints/{name}", need=Need.ADMIN, handler="delete_checkpoint"),
    Rule(method="DELETE", path="/r/deltas/{name}", need=Need.ADMIN, handler="delete_delta"),
    Rule(method="GET", path="/api/v1/models", need=Need.READ, handler="v1_models"),
    Rule(method="GET", path="/api/v1/models/{model}/versions", need=Need.READ, handler="v1_versions"),
    Rule(method="GET", path="/api/v1/models/{model}/versions/{version}", need=Need.READ, handler="v1_version"),
    Rule(
        method="GET", path="/api/v1/models/{model}/versions/{version}/artifact", need=Need.READ, handler="v1_artifact"
    ),
)
#: What everything else gets.
ELSEWHERE = Rule(method="*", path="/{rest:path}", need=Need.READ, handler="nothing_there")


def allows(rule: Rule, caller: Caller) -> bool:
    """Tells whether a caller may ask a route."""
    return rule.need.value is None or caller.may(rule.need.value)


def wanted(rule: Rule) -> str:
    """What a caller may not do who is refused."""
    return "do this" if rule.need.value is None else _MAY[rule.need.value]
