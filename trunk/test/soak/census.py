"""Do the API and /metrics list exactly the clients and streams that the tool runs? Nobody comes or
goes meanwhile, except those that the server itself lets go."""

import asyncio
import time

EDGE = "127.0.0.1"        # the address of the edge's pulls; each client has one of its own
SETTLE_S = 30             # the answers must agree within this time
VIEWERS = "millrace_viewers"


def by_address(answer):
    return {one["ip"]: one for one in answer["clients"] if one["ip"] != EDGE}


def is_own_pull(client):
    """What an edge fetches is published there by the edge itself, without callbacks."""
    return client["ip"] == EDGE and client["type"] == "fmle-publish"


def differences(known, found, now):
    """What is listed and should not be, or is not and should. known: of class Client, by address."""
    texts = []
    for address, client in known.items():
        one = found.get(address)
        if one is None:
            if client.is_sure:
                texts.append(f"{client.kind} of {client.stream} ({address}) is not listed")
        elif one["type"] != client.kind:
            texts.append(f"{client.kind} of {client.stream} is listed as {one['type']}")
        elif client.gone_by is not None and now > client.gone_by:
            texts.append(f"{client.kind} of {client.stream} vanished {now - client.gone_at:.0f} s "
                         "ago and is still listed")
    texts += [f"{one['type']} of {one['name']} ({address}) is listed, but has left"
              for address, one in found.items() if address not in known]
    return texts


class Census:
    def __init__(self, world, servers, publishers, ledger):
        self.world, self.servers, self.publishers = world, servers, publishers
        self.ledger = ledger
        self.count = 0
        self.longest = 0.0    # s until the answers agreed

    def look(self, server):
        """Texts about what does not agree at present."""
        answer = server.api("clients?count=1000")
        streams = server.api("streams?count=1000")["streams"]
        metrics = server.scrape()
        found = by_address(answer)
        with self.world.lock:
            known = dict(self.world.clients.get(server.name, {}))
        now = time.monotonic()
        texts = differences(known, found, now)
        self.release(server, known, found, now)
        listed = {one["name"] for one in streams if one["publish"]["active"]
                  and one["publish"].get("cid") in
                  {c["id"] for c in answer["clients"] if c["ip"] != EDGE}}
        here = {one.stream for one in self.publishers if one.server is server and one.since}
        silent = {c.stream for c in known.values() if c.kind == "fmle-publish" and c.gone_at}
        texts += [f"stream {name} is published, but not listed" for name in here - listed]
        texts += [f"stream {name} is listed, but has no publisher" for name in listed - here - silent]
        texts += self.ledger.differences(server.name, [
            one["id"] for one in answer["clients"] if not is_own_pull(one)])
        total = sum(one["type"] != "fmle-publish" for one in answer["clients"])
        if metrics.sum(VIEWERS) != total:
            texts.append(f"{VIEWERS} is {metrics.sum(VIEWERS):.0f}, the API lists {total}")
        return texts

    def release(self, server, known, found, now):
        """The sockets of silent ones that the server has noticed, or has had its time for."""
        for address, client in known.items():
            if client.gone_at and (address not in found or now > client.gone_by + SETTLE_S):
                client.release()
                self.world.count["silent ones noticed"] += address not in found
                self.world.left(server, address)

    async def take(self):
        """Closes the gate, compares until all agree, opens it."""
        self.world.gate.clear()
        begin = time.monotonic()
        left = {}
        try:
            for server in self.servers:
                while left.setdefault(server.name, ["?"]):
                    left[server.name] = await asyncio.to_thread(self.look, server)
                    if time.monotonic() - begin > SETTLE_S:
                        break
                    await asyncio.sleep(0.3)
        finally:
            self.world.gate.set()
        self.count += 1
        self.longest = max(self.longest, time.monotonic() - begin)
        for name, texts in left.items():
            if texts and texts != ["?"]:
                self.world.finding("census", f"{name}: {'; '.join(texts[:6])}"
                                   + (f" and {len(texts) - 6} more" if len(texts) > 6 else ""))
