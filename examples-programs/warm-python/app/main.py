"""Serves one call after another: a line of JSON and a body in, the same out. See docs/programs.md."""

import json
import sys


def serve(handle):
    calls, replies = sys.stdin.buffer, sys.stdout.buffer
    while line := calls.readline():
        call = json.loads(line)
        reply = handle(call, calls.read(call["body_bytes"]))
        replies.write(json.dumps({"body_bytes": len(reply)}).encode() + b"\n" + reply)
        replies.flush()


served = 0


def greet(call, body):
    global served
    served += 1
    return f"Hello, {body.decode()}! This process has served {served}.\n".encode()


serve(greet)
