"""sprites-py against the fake; started by ./run."""

import io
import os
import re
import subprocess
import unittest

from sprites import SpritesClient
from sprites.exceptions import APIError, ExitError, NotFoundError, SpriteError
from sprites.services import create_service, delete_service, get_service, stop_service
from sprites.types import NetworkPolicy, PolicyRule, URLSettings

TOKEN = "sim/1/2/secret"
PROGRAM = os.path.join(os.environ["FAKES_BIN"], "fake-sprites")
QUICK = ["--create", "0", "--exec", "0", "--wake-cold", "0", "--wake-warm", "0"]


def start(name: str, *options: str) -> tuple[subprocess.Popen, str]:
    """Runs the fake on a free port; the caller ends it."""
    state = os.path.join(os.environ["SPRITES_STATE"], name)
    line = [PROGRAM, "--port", "0", "--token", TOKEN, "--state", state, *QUICK, *options]
    fake = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
    for said in fake.stderr:
        if found := re.search(r"listening on (http://[0-9.:]+)", said):
            return fake, found[1]
    raise RuntimeError("the fake opened no port")


def stop(fake: subprocess.Popen) -> None:
    fake.terminate()
    fake.communicate(timeout=60)


class Client(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.fake, base = start("py")
        cls.client = SpritesClient(token=TOKEN, base_url=base)
        cls.sprite = cls.client.create_sprite("one", url_settings=URLSettings(auth="public"))

    @classmethod
    def tearDownClass(cls) -> None:
        cls.client.delete_sprite("one")
        with unittest.TestCase().assertRaises(SpriteError):
            cls.client.get_sprite("one")
        cls.client.close()
        stop(cls.fake)

    def test_a_sprite_is_shown_and_listed(self) -> None:
        self.assertEqual(self.client.get_sprite("one").url, self.sprite.url)
        self.assertIn("one", [one.name for one in self.client.list_all_sprites()])
        changed = self.client.update_sprite("one", labels=["a"])
        self.assertEqual(changed.labels, ["a"])

    def test_commands_end_with_their_own_code(self) -> None:
        said = self.sprite.run("sh", "-c", "echo out; echo err >&2", capture_output=True)
        self.assertEqual((said.returncode, said.stdout, said.stderr), (0, b"out\n", b"err\n"))
        with self.assertRaises(ExitError) as failed:
            self.sprite.command("sh", "-c", "exit 7").run()
        self.assertEqual(failed.exception.exit_code(), 7)
        command = self.sprite.command("cat", stdin=io.BytesIO(b"piped" * 10_000))
        self.assertEqual(command.output(), b"piped" * 10_000)
        moved = self.sprite.command("/bin/sh", "-c", 'pwd; echo "$A"', cwd="/tmp", env={"A": "b c"})
        self.assertEqual(moved.output(), b"/tmp\nb c\n")
        self.assertEqual(self.sprite.list_sessions(), [])

    def test_files(self) -> None:
        files = self.sprite.filesystem("/home/sprite")
        path = files / "deep" / "note.txt"
        path.write_text("mine")
        self.assertEqual(path.read_text(), "mine")
        self.assertEqual(path.stat().size, 4)
        # Its `is_dir` looks at the first entry of the listing, not at the folder.
        self.assertTrue((files / "deep").exists())
        self.assertEqual((files / "deep").listdir(), ["note.txt"])
        path.chmod(0o600)
        moved = path.rename("/home/sprite/moved.txt")
        self.assertEqual(moved.read_bytes(), b"mine")
        moved.unlink()
        self.assertFalse(moved.exists())
        with self.assertRaises(Exception) as missing:
            moved.read_text()
        self.assertIn("FileNotFound", type(missing.exception).__name__)
        (files / "deep").rmtree()

    def test_services(self) -> None:
        events = list(create_service(self.sprite, "web", "sh", ["-c", "echo up; sleep 600"], duration=0.5))
        self.assertEqual([event.type for event in events], ["started", "stdout", "complete"])
        self.assertEqual(get_service(self.sprite, "web").state.status, "running")
        self.sprite.signal_service("web", "HUP")
        events = list(self.sprite.start_service("web", 0.1))
        self.assertEqual(events[-1].type, "complete")
        self.assertEqual(list(stop_service(self.sprite, "web", 5))[-1].type, "complete")
        with self.assertRaises(APIError):
            stop_service(self.sprite, "web", 5)
        delete_service(self.sprite, "web")
        with self.assertRaises(APIError) as gone:
            get_service(self.sprite, "web")
        self.assertEqual(gone.exception.status_code, 404)

    def test_checkpoints(self) -> None:
        note = self.sprite.filesystem("/home/sprite") / "later"
        made = list(self.sprite.create_checkpoint("clean"))
        self.assertEqual(made[-1].type, "complete")
        row = next(one for one in self.sprite.list_checkpoints() if one.comment == "clean")
        self.assertEqual(self.sprite.get_checkpoint(row.id).id, row.id)
        note.write_text("later")
        self.assertEqual(list(self.sprite.restore_checkpoint(row.id))[-1].type, "complete")
        self.assertFalse(note.exists())
        failed = list(self.sprite.restore_checkpoint("v99"))
        self.assertEqual((failed[-1].type, failed[-1].error), ("error", "checkpoint not found: v99"))
        with self.assertRaises(NotFoundError):
            self.sprite.get_checkpoint("v99")

    def test_a_policy(self) -> None:
        policy = NetworkPolicy(rules=[PolicyRule(domain="*", action="deny")])
        self.sprite.update_network_policy(policy)
        self.assertEqual(self.sprite.get_network_policy(), policy)


class Limits(unittest.TestCase):
    def setUp(self) -> None:
        fake, base = start(self._testMethodName, "--creations", "2", "--running-limit", "1")
        self.addCleanup(stop, fake)
        self.client = SpritesClient(token=TOKEN, base_url=base)
        self.addCleanup(self.client.close)

    def test_the_two_limits_are_told_apart(self) -> None:
        one, two = self.client.create_sprite("one"), self.client.create_sprite("two")
        # It reads no code out of a refused creation.
        with self.assertRaisesRegex(SpriteError, "sprite_creation_rate_limited"):
            self.client.create_sprite("three")
        one.command("true").run()
        with self.assertRaises(APIError) as limited:
            two.command("true").run()
        self.assertTrue(limited.exception.is_concurrent_limit_exceeded())


if __name__ == "__main__":
    unittest.main()
