"""Where methods sign up: by their name in lower case, since the Bot API does not mind the case."""

from collections.abc import Awaitable, Callable

from src.demo.telegram.params import Params
from src.demo.telegram.world import World

Method = Callable[[World, Params], Awaitable[object]]
METHODS: dict[str, Method] = {}


def method(name: str) -> Callable[[Method], Method]:
    """Registers what answers a method: it returns `result` or raises Refusal."""

    def register(function: Method) -> Method:
        METHODS[name.lower()] = function
        return function

    return register
