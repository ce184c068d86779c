#!/usr/bin/env python3
"""Is told of the end of jobs: takes what khocr posts, looks at the signature, and prints a line for each job. Nothing but Python
is needed. Put a proxy with TLS in front of it.

Usage: KHOCR_WEBHOOK_SECRET=whsec_... webhook.py HOST:PORT
"""
import base64
import hashlib
import hmac
import http.server
import json
import os
import sys
import time

SECRET = base64.b64decode(os.environ["KHOCR_WEBHOOK_SECRET"].removeprefix("whsec_"))
if not SECRET:
    sys.exit("KHOCR_WEBHOOK_SECRET is empty: anybody could sign with that")
LARGEST = 1 << 20
TOLERANCE_SECONDS = 300
SEEN = set()  # a service of yours keeps them where a restart does not lose them


def is_genuine(headers, body):
    """Tells whether the message was signed with the secret, a short while ago (https://www.standardwebhooks.com)."""
    identity, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    signed = f"{identity}.{timestamp}.".encode() + body
    want = base64.b64encode(hmac.digest(SECRET, signed, hashlib.sha256)).decode()
    # There are several signatures while a secret is being changed.
    given = [entry.removeprefix("v1,") for entry in headers.get("webhook-signature", "").split() if entry.startswith("v1,")]
    return any(hmac.compare_digest(want.encode(), entry.encode()) for entry in given)


class Receiver(http.server.BaseHTTPRequestHandler):
    timeout = 15

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LARGEST:
            return self.answer(413)
        body = self.rfile.read(int(length))
        if not is_genuine(self.headers, body):
            return self.answer(401)
        # The same message may come more than once.
        if self.headers["webhook-id"] not in SEEN:
            SEEN.add(self.headers["webhook-id"])
            message = json.loads(body)
            print(message["type"], message["data"]["id"], message["data"]["status"], flush=True)
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    host, port = sys.argv[1].rsplit(":", 1)
    server = http.server.ThreadingHTTPServer((host, int(port)), Receiver)
    print(f"listening at http://{host}:{server.server_port}", flush=True)
    server.serve_forever()
