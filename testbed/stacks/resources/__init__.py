"""The resource types the fake AWS can create, one handler each."""

from testbed.stacks.resources import (
    callers,
    config,
    functions,
    gateway,
    identity,
    monitoring,
    rotation,
    storage,
    tables,
)
from testbed.stacks.resources.base import Handler

BY_TYPE: dict[str, Handler] = {
    handler.type: handler
    for module in (callers, config, functions, gateway, identity, monitoring, rotation, storage, tables)
    for handler in module.HANDLERS
}
