"""A local socket that stands before a server's: it passes the server's greeting, and holds back all that follows."""

import contextlib
import pathlib
import shutil
import socket
import tempfile
import threading


class HeldReplies:
    """with HeldReplies(path of the server's socket) as held: ... held.path ... held.release()"""

    def __init__(self, server):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="lb-held-"))
        self.path = str(self.directory / "socket")
        self._released = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()
        threading.Thread(target=self._serve, args=(server,), daemon=True).start()

    def release(self):
        self._released.set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()
        self._listener.close()
        shutil.rmtree(self.directory)

    def _serve(self, server):
        with contextlib.suppress(OSError):  # closed
            client, _ = self._listener.accept()
            there = socket.socket(socket.AF_UNIX)
            there.connect(server)
            threading.Thread(target=self._pass, args=(client, there, False), daemon=True).start()
            self._pass(there, client, True)

    def _pass(self, source, sink, is_held):
        with contextlib.suppress(OSError), source, sink:
            is_first = True
            while data := source.recv(65536):
                if is_held and not is_first:
                    self._released.wait()
                sink.sendall(data, socket.MSG_NOSIGNAL)
                is_first = False
