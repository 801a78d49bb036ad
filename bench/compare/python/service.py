"""Forebay's service, called over HTTP on one connection that is kept: what a Python user has."""

import http.client
import json
import subprocess
import urllib.parse

POINT = "SELECT id, name, email, age FROM users WHERE id = ?"
TOTAL = "SELECT sum(age) FROM users WHERE id <= ?"
WRITE = "UPDATE users SET age = age + 1 WHERE id = ?"


class Service:
    name = "forebay serve, over HTTP"

    def __init__(self, forebay, path):
        self.process = subprocess.Popen(
            [forebay, "serve", path, "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            text=True,
        )
        line = self.process.stdout.readline()
        if "http://" not in line:
            self.close()
            raise RuntimeError(f"forebay serve has not begun: {line!r}")
        address = urllib.parse.urlsplit(line.split()[-1])
        self.connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)

    def ask(self, sql, *params):
        body = json.dumps({"sql": sql, "params": params})
        self.connection.request("POST", "/v1/query", body, {"content-type": "application/json"})
        response = self.connection.getresponse()
        answer = json.loads(response.read())
        if response.status != 200:
            raise RuntimeError(f"{response.status}: {answer}")
        return answer["rows"]

    def read(self, user):
        return tuple(self.ask(POINT, user)[0])

    def total(self, upto):
        return self.ask(TOTAL, upto)[0][0]

    def write(self, user):
        self.ask(WRITE, user)

    def close(self):
        self.process.terminate()
        self.process.wait()
