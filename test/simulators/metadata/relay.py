"""
The network end of a simulated metadata service. It has the service's address in the machine's network, and hands each
request to the simulator, one JSON object a line on standard output; the answers come back by standard input, in any
order. It ends when that does, and the network with it.
"""

import base64
import json
import os
import queue
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ADDRESS = "169.254.169.254"
# Addresses by which the machine itself may ask.
OWN = [ADDRESS]

waiting = {}
lock = threading.Lock()


def say(message):
    with lock:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


def ask(message):
    answer = queue.Queue()
    number = id(answer)
    waiting[number] = answer
    say({"id": number, **message})
    try:
        return answer.get(timeout=30)
    finally:
        del waiting[number]


class Handler(BaseHTTPRequestHandler):
    def relay(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = ask({"method": self.command, "path": self.path, "headers": headers})
        if "hops" in answer:
            # The machine is the first hop of a cloud's network; here it is where this program is. So what comes from
            # behind the machine has one hop less, and none is left of one: the answer is lost on its way.
            hops = answer["hops"] - (self.client_address[0] not in OWN)
            if hops < 1:
                self.close_connection = True
                return
            self.connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)
        body = base64.b64decode(answer["body"])
        self.send_response(answer["status"])
        for name, value in answer["headers"].items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_DELETE = relay

    def log_message(self, *args):
        pass


def run(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


run("ip", "addr", "add", ADDRESS + "/32", "dev", "lo")
server = ThreadingHTTPServer((ADDRESS, 80), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
card = json.loads(run("ip", "-json", "-4", "addr", "show", "dev", "eth0"))[0]
link = json.loads(run("ip", "-json", "link", "show", "dev", "eth0"))[0]
OWN.append(card["addr_info"][0]["local"])
say({"ipv4": OWN[-1], "mac": link["address"]})

for line in sys.stdin:
    answer = json.loads(line)
    waiting[answer["id"]].put(answer)
os._exit(0)
