"""A small HTTPS client for tests: it says what it is told to, also what no good client would."""

import contextlib
import http.client
import json
import socket
import ssl
import time

KEPT_SECONDS = 5  # the server ends a connection that is silent for 15


def tls_context(site, name=None):
    context = ssl.create_default_context(cafile=f"{site.pki}/ca.pem")
    context.set_alpn_protocols(["http/1.1"])
    if name:
        context.load_cert_chain(f"{site.pki}/{name}.pem", f"{site.pki}/{name}.key")
    return context


def raw_connection(site, name=None, timeout=20):
    raw = socket.create_connection(("127.0.0.1", site.port), timeout=timeout)
    return tls_context(site, name).wrap_socket(raw, server_hostname="localhost")


def say(site, data, name=None, timeout=20):
    """All that the server says to these bytes before it closes, or falls silent; it need not take them all."""
    received = b""
    try:
        with raw_connection(site, name, timeout) as connection:
            with contextlib.suppress(OSError):
                connection.sendall(data)
            while chunk := connection.recv(65536):
                received += chunk
    except OSError as error:
        received += f" [{error}]".encode()
    return received


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read().decode()

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.headers.get('content-type')}: {self.body[:500]}"


class HttpClient:
    """Requests over one connection that is kept, unless it was silent for long, as `name` (a certificate) or with a
    token."""

    def __init__(self, site, name=None, token=None):
        self.token = token
        self.connection = http.client.HTTPSConnection("localhost", site.port, context=tls_context(site, name), timeout=40)
        self.used_at = time.monotonic()

    def request(self, method, path, body=None, **headers):
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        if time.monotonic() - self.used_at > KEPT_SECONDS:
            self.connection.close()
        self.connection.request(method, path, body=body, headers=sent)
        answer = Answer(self.connection.getresponse())
        self.used_at = time.monotonic()
        return answer

    def get(self, path, **headers):
        return self.request("GET", path, **headers)

    def post(self, body, path="/v1/events", **headers):
        return self.request("POST", path, body=body, **headers)

    def close(self):
        self.connection.close()
