"""select() without its limit: it accepts no descriptor over 1,023, and a run of all tests has
more."""

import math
import select


def readable(files, timeout=None):
    """Those of files (descriptors, or what has one) that can be read from, or are at their end;
    waits for the first for timeout seconds, None = for ever."""
    poll = select.poll()
    known = {}
    for one in files:
        number = one if isinstance(one, int) else one.fileno()
        known[number] = one
        poll.register(number, select.POLLIN)
    wait = None if timeout is None else math.ceil(timeout * 1000)
    return [known[number] for number, _ in poll.poll(wait)]
