"""The smallest client of hostcalls: one call over gRPC, with nothing but the standard library.

It speaks as much of HTTP/2 and of protocol buffers as that takes: requests and answers up to 16 KiB, one connection for each
call. Whoever may install packages uses `grpcio` instead.
"""

import os
import socket
import struct

DATA, HEADERS, SETTINGS, PING, GOAWAY = 0, 1, 4, 6, 7
ACK = END_STREAM = 1
END_HEADERS = 4


class Failed(Exception):
    """The call was not answered, or its answer is an error."""


def call(service, method, request):
    """The fields of the answer, by number."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(os.environ["SPEAR_HOSTCALLS"].removeprefix("unix:"))
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0))
        connection.sendall(frame(HEADERS, END_HEADERS, 1, headers(f"/{service}/{method}")))
        connection.sendall(frame(DATA, END_STREAM, 1, struct.pack(">BI", 0, len(request)) + request))
        answer = fields(receive(connection))
    if 1 in answer:  # Each answer's field 1 is its error, one of several kinds.
        kind, said = fields(answer[1]).popitem()
        raise Failed(f"error {kind}: {said.decode(errors='replace') if isinstance(said, bytes) else said}")
    return answer


def text(field, value):
    value = value.encode()
    return varint(field << 3 | 2) + varint(len(value)) + value


def number(field, value):
    return varint(field << 3) + varint(value & (1 << 64) - 1)


def fields(message):
    """Numbers, and the bytes of texts and messages; of a field that comes again the last one."""
    found, rest = {}, iter(message)
    for byte in rest:
        key = unvarint(rest, byte)
        value = unvarint(rest, next(rest))
        if key & 7 == 2:
            value = bytes(next(rest) for _ in range(value))
        found[key >> 3] = value
    return found


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def unvarint(rest, byte):
    value = shift = 0
    while byte > 127:
        value |= (byte & 127) << shift
        shift, byte = shift + 7, next(rest)
    return value | byte << shift


def headers(path):
    """Each literal, without an index and without Huffman's code: HPACK allows that."""
    pairs = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "spear",
        "content-type": "application/grpc",
        "te": "trailers",
        "authorization": "Bearer " + os.environ["SPEAR_TOKEN"],
    }
    return b"".join(b"\0" + literal(name) + literal(value) for name, value in pairs.items())


def literal(word):
    return bytes([len(word)]) + word.encode()  # Up to 126 bytes; the token has 64.


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def receive(connection):
    """The message of the answer. The headers are not looked at: a call that was refused has no message."""
    data = b""
    while True:
        size, kind, flags, stream = struct.unpack(">IBBI", b"\0" + exactly(connection, 9))
        payload = exactly(connection, size)
        if kind in (SETTINGS, PING) and not flags & ACK:
            connection.sendall(frame(kind, ACK, 0, payload if kind == PING else b""))
        elif kind == DATA:
            data += payload
        elif kind == GOAWAY:
            raise Failed("the connection was closed")
        if stream == 1 and kind in (DATA, HEADERS) and flags & END_STREAM:
            if len(data) < 5:
                raise Failed("the call was refused before it was looked at: wrong token, wrong name, or too large")
            return data[5:]


def exactly(connection, size):
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise Failed("the connection broke off")
        data += more
    return data
