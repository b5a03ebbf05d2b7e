"""A ZeroMQ publisher by the system's libzmq, so that tests need no Python binding of it."""

import ctypes

PUB = 1
LINGER = 17
SNDMORE = 2
LIBRARY = "libzmq.so.5"


class Publisher:
    def __init__(self, endpoint):
        """OSError when there is no libzmq."""
        self.zmq = ctypes.CDLL(LIBRARY, use_errno=True)
        for name in ("zmq_ctx_new", "zmq_socket"):
            getattr(self.zmq, name).restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(self.zmq.zmq_ctx_new())
        self.socket = ctypes.c_void_p(self.zmq.zmq_socket(self.context, PUB))
        none = ctypes.c_int(0)
        self._check(self.zmq.zmq_setsockopt(self.socket, LINGER, ctypes.byref(none), ctypes.c_size_t(4)))
        self._check(self.zmq.zmq_bind(self.socket, endpoint.encode()))

    def _check(self, outcome):
        if outcome < 0:
            raise OSError(ctypes.get_errno(), "libzmq")

    def send(self, *frames):
        """One message of texts."""
        for i, frame in enumerate(frames):
            more = SNDMORE if i + 1 < len(frames) else 0
            self._check(self.zmq.zmq_send(self.socket, frame.encode(), ctypes.c_size_t(len(frame.encode())), more))

    def close(self):
        self.zmq.zmq_close(self.socket)
        self.zmq.zmq_ctx_term(self.context)
