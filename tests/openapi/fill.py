"""Puts a customer, a route, locks and a task into control: fill.py API KEY DATABASE"""

import json
import sqlite3
import sys
import urllib.request

api, key, database = sys.argv[1:]

# As the examples of the description name them.
TASK = "PROV-20260214-a1b2c3d4"
SESSION = "0a" * 16


def call(method, path, body=None):
    request = urllib.request.Request(
        api + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


call("POST", "/api/customers", {"username": "ada", "email": "ada@mail.test"})
call("PUT", "/api/routes/ada", {"upstream": "https://ada-1.sprites.test"})
call("PUT", f"/api/locks/ada/{SESSION}", {"until": 4_000_000_000})
call("PUT", "/api/locks/bob")
# Nobody works at it: it is not due in the time of this test.
with sqlite3.connect(database, timeout=30) as connection:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(
        "INSERT INTO tasks (id, kind, dedupe_key, username, payload, state, attempts,"
        " max_attempts, run_at, lease_token, last_error, created_at, changed_at)"
        " VALUES (?, 'PROV', 'prov/test', 'ada', '{}', 'waiting', 1, 20, 4000000000000, 1,"
        " 'the pool is empty', 1771027200000, 1771027200000)",
        (TASK,),
    )
    connection.execute(
        "INSERT INTO task_steps (task, position, name, state, attempts, error, started_at)"
        " VALUES (?, 0, 'assign', 'waiting', 1, 'the pool is empty', 1771027200000)",
        (TASK,),
    )
