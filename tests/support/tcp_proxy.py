"""A TCP proxy between a client and servers that a test can cut, delay and silence."""

import itertools
import random
import selectors
import socket
import threading
import time

CHUNK = 65536


class TcpProxy:
    """Listens on a loopback port; each connection goes to the next of the targets that answers."""

    def __init__(self, targets=(), seed=0):
        self.set_targets(targets)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.pairs = set()
        self.is_refusing = False
        self.is_silent = False   # takes bytes and passes nothing on
        self.delay_seconds = 0.0
        self.is_closed = False
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    # What the test does.

    def set_targets(self, targets):
        self.targets = itertools.cycle(list(enumerate(targets)))
        self.count = len(targets)
        self.taken = [0] * len(targets)  # connections that each target got

    def cut(self):
        """Breaks all connections, with what is on its way."""
        with self.lock:
            pairs = list(self.pairs)
        for client, server in pairs:
            for one in (client, server):
                try:
                    # Reset, so that nothing buffered still arrives.
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def partition(self, seconds, meanwhile=lambda: None):
        """Nothing passes for so long, and while `meanwhile` runs: silence, refusals or a cut, by chance."""
        kind = self.random.randrange(3)
        self.is_silent = kind == 0
        self.is_refusing = kind == 1
        if kind:
            self.cut()
        time.sleep(seconds)
        meanwhile()
        if kind == 0:
            self.cut()  # what was swallowed is lost: the connection must not live on without it
        self.is_silent = self.is_refusing = False

    def close(self):
        self.is_closed = True
        self.listener.close()
        self.cut()

    # The proxy itself.

    def _accept(self):
        while not self.is_closed:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = None if self.is_refusing else self._dial()
            if server is None:
                client.close()
                continue
            with self.lock:
                self.pairs.add((client, server))
            threading.Thread(target=self._carry, args=(client, server), daemon=True).start()

    def _dial(self):
        for _ in range(self.count):
            number, target = next(self.targets)
            try:
                server = socket.create_connection(target, timeout=5)
            except OSError:
                continue
            server.settimeout(None)
            self.taken[number] += 1
            return server
        return None

    def _carry(self, client, server):
        selector = selectors.DefaultSelector()
        selector.register(client, selectors.EVENT_READ, server)
        selector.register(server, selectors.EVENT_READ, client)
        try:
            while True:
                for key, _ in selector.select():
                    data = key.fileobj.recv(CHUNK)
                    if not data:
                        return
                    if self.delay_seconds:
                        time.sleep(self.random.uniform(0, self.delay_seconds))
                    if not self.is_silent:
                        key.data.sendall(data)
        except OSError:
            return
        finally:
            with self.lock:
                self.pairs.discard((client, server))
            selector.close()
            client.close()
            server.close()
