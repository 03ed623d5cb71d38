"""The name comes on standard input; how often it came is counted in the store `greeted`."""

import sys

import hostcalls


def main():
    name = sys.stdin.read().strip() or "nobody"
    # KvIncrementRequest: store = 1, key = 2, by = 3.
    request = hostcalls.text(1, "greeted") + hostcalls.text(2, name) + hostcalls.number(3, 1)
    try:
        answer = hostcalls.call("spear.v1.Kv", "Increment", request)
    except hostcalls.Failed as failed:
        print(failed, file=sys.stderr)
        sys.exit(1)
    # KvIncrementResponse: number = 2; what is 0 is absent.
    print(f"{name} was greeted {answer.get(2, 0)} times")


main()
