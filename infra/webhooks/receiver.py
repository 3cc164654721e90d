"""Prints each event once: python receiver.py PORT whpk_..., with what requirements.txt names."""
import base64, json, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

KEY, SEEN = Ed25519PublicKey.from_public_bytes(base64.b64decode(sys.argv[2][5:])), set()
def verifies(signature, message):
    try: return KEY.verify(base64.b64decode(signature[4:]), message) is None
    except InvalidSignature: return False
class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body, head = self.rfile.read(int(self.headers["content-length"])), self.headers
        message = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + body
        fresh = abs(time.time() - int(head["webhook-timestamp"])) < 300
        good = fresh and any(verifies(signature, message) for signature in head["webhook-signature"].split())
        if good and head["webhook-id"] not in SEEN: print(json.dumps(json.loads(body)), flush=True)
        if good: SEEN.add(head["webhook-id"])  # In a shop: in the database, with what the event changes there.
        self.send_response(204 if good else 401); self.end_headers()
HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
