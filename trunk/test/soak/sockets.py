"""What clients do to their sockets."""

import ctypes
import itertools
import socket
import struct

SO_ATTACH_FILTER = 26
DROP_ALL = struct.pack("HBBI", 6, 0, 0, 0)   # BPF: return 0, which takes no byte of any packet

_libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count(1)


def client_address():
    """An address of this machine that no other client has: the API shows it, so each client can be
    found there."""
    number = next(_numbers) % (250 * 250 * 120)
    return f"127.{number // 62500 + 1}.{number // 250 % 250 + 1}.{number % 250 + 1}"


def go_silent(sock):
    """From now on this end answers nothing, not even with an acknowledgement, as a machine without
    power does: a filter drops each packet that comes for it."""
    code = ctypes.create_string_buffer(DROP_ALL)
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                    struct.pack("HP", 1, ctypes.addressof(code)))


def reset(sock):
    """Ends a connection by RST. close() alone would wait for a thread that still reads."""
    nobody = struct.pack("H14x", socket.AF_UNSPEC)
    if sock.fileno() >= 0:
        _libc.connect(sock.fileno(), nobody, len(nobody))
        sock.close()
