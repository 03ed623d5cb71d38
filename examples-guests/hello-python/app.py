"""Greets, says who ran, and fails where there is nobody to greet."""

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.handler import Call, Failure, Reply
from wit_world.imports import logs, resources


class Handler(exports.Handler):
    def handle(self, call: Call) -> Reply:
        name = text(call.body)
        me = resources.who_am_i()
        logs.write(logs.Level.INFO, f"greeting {name}", [logs.Field("bytes", str(len(call.body)))])
        return Reply("text/plain; charset=utf-8", [("x-function", me.function)], f"Hello, {name}!".encode())


def text(body: bytes) -> str:
    """The body as text, and not empty. What is raised here is the function's own failure."""
    try:
        name = body.decode()
    except UnicodeDecodeError as error:
        raise Err(Failure("bad-input", f"the body is not text: {error}", retryable=False))
    if not name:
        raise Err(Failure("bad-input", "there is nobody to greet", retryable=False))
    return name
