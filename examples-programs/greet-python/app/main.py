"""A call is standard input, call.json and the environment; the answer is standard output, reply.json and the exit code."""

import json
import os
import sys

FAILED = 1


def greet(names):
    greeting = os.environ["GREETING"]
    return [f"{greeting}, {name}!" for name in names]


def reply(**fields):
    """What standard output cannot say: a media type, headers; of a failure its code and its message."""
    with open(os.environ["SPEAR_REPLY"], "w") as file:
        json.dump(fields, file)


def main():
    with open(os.environ["SPEAR_CALL"]) as file:
        call = json.load(file)
    # What is written here is the task's log.
    print(f"{call['function']} version {call['version']}, attempt {call['attempt']}", file=sys.stderr)
    try:
        names = json.load(sys.stdin)["names"]
    except (ValueError, KeyError, TypeError) as error:
        reply(code="bad-call", message=f'send {{"names": ["you"]}}: {error!r}')
        sys.exit(FAILED)
    json.dump({"greetings": greet(names)}, sys.stdout, ensure_ascii=False)
    reply(content_type="application/json", headers=[["greeted", str(len(names))]])


main()
