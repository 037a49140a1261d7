"""Servers that tests talk to: child processes on loopback, each on a port that was free, ended by their own id."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

#: A server that has not answered by then does not come.
START_SECONDS = 60
#: What S3 stubs accept; no real service knows them.
KEYS = {"AWS_ACCESS_KEY_ID": "S3RVER", "AWS_SECRET_ACCESS_KEY": "S3RVER", "AWS_REGION": "us-east-1"}


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def running(words: Sequence[str], url: str, *, environment: dict[str, str] | None = None) -> Iterator[str]:
    """Runs a program until the end of the block; it must answer at the URL, whatever it answers."""
    with tempfile.TemporaryFile() as talk:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=talk, stderr=talk, env={**os.environ, **(environment or {})}
        )
        try:
            _await(process, url, talk)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await(process: "subprocess.Popen[bytes]", url: str, talk: object) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if url.startswith("ssh:"):
                socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 5).close()
                return
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    talk.seek(0)  # type: ignore[attr-defined]
    raise AssertionError(f"{process.args!r} did not start: {talk.read()[-2000:]!r}")  # type: ignore[attr-defined]


def missing(what: str) -> None:
    """Skips a test for want of a program; fails it in CI."""
    assert "PACHA_CI" not in os.environ, f"{what} must be installed in CI"
    pytest.skip(f"{what} is not installed")


@contextlib.contextmanager
def http_server(folder: Path) -> Iterator[str]:
    """`python -m http.server` over a folder: knows no ranges. Yields its URL."""
    port = free_port()
    words = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder)]
    with running(words, f"http://127.0.0.1:{port}") as url:
        yield url


@contextlib.contextmanager
def nginx(folder: Path) -> Iterator[str]:
    """nginx over a folder. Yields its URL."""
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None:
        missing("nginx")
    port = free_port()
    with tempfile.TemporaryDirectory() as own:
        settings = Path(own, "nginx.conf")
        # As root its workers would be nobody, who may not look into a test's folder.
        user = "user root;" if os.getuid() == 0 else ""
        settings.write_text(
            f"{user} daemon off; master_process off; pid {own}/pid; error_log {own}/error.log;\n"
            "events { worker_connections 64; }\n"
            f"http {{ access_log off; client_body_temp_path {own}/b; proxy_temp_path {own}/p; "
            f"fastcgi_temp_path {own}/f; uwsgi_temp_path {own}/u; scgi_temp_path {own}/s;\n"
            f"server {{ listen 127.0.0.1:{port}; location / {{ root {folder}; }} }} }}\n"
        )
        with running([str(program), "-c", str(settings), "-p", own], f"http://127.0.0.1:{port}") as url:
            yield url


@contextlib.contextmanager
def moto(*buckets: str) -> Iterator[str]:
    """An S3 server that honours conditions, with these buckets. Yields its endpoint."""
    port = free_port()
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(words, f"http://127.0.0.1:{port}") as endpoint:
        for bucket in buckets:
            make_bucket(endpoint, bucket)
        yield endpoint


def make_bucket(endpoint: str, bucket: str) -> None:
    """Makes a bucket on a server that asks for no signature."""
    with urllib.request.urlopen(urllib.request.Request(f"{endpoint}/{bucket}", method="PUT"), timeout=10):
        pass


@dataclass(frozen=True)
class Served:
    """A running `pacha serve`. `variable` is what its user puts into PACHA_TOKEN."""

    url: str
    token: str
    folder: Path

    @property
    def variable(self) -> str:
        host = self.url.partition("://")[2].rstrip("/")
        return f"{host}={self.token}"


@contextlib.contextmanager
def serve(folder: Path, *, program: str = "pacha", durability: str = "none") -> Iterator[Served]:
    """`pacha serve` over a folder, with one token that may do everything."""
    folder.mkdir(parents=True, exist_ok=True)
    tokens, environment = f"{folder}-tokens", {**os.environ, "PACHA_DURABILITY": durability}
    words = [sys.executable, "-m", program, "serve"]
    make = [*words, "token", "create", str(folder), "--role", "admin", "--tokens", tokens]
    token = subprocess.run(make, capture_output=True, text=True, check=True).stdout.strip()
    words += [str(folder), "--port", "0", "--tokens", tokens, "--access-log", f"{folder}.log"]
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    try:
        match = re.search(r"pacha\+http://\S+/", process.stderr.readline())
        assert match is not None
        yield Served(match.group(0), token, folder)
    finally:
        process.terminate()
        try:
            process.wait(60)
        finally:
            process.kill()
            process.stderr.close()


@contextlib.contextmanager
def localbucket(*buckets: str) -> Iterator[str]:
    """An S3 server that honours If-None-Match and nothing more. Yields its endpoint."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        for bucket in buckets:
            os.mkdir(os.path.join(folder, bucket))
        program = os.path.join(os.path.dirname(sys.executable), "localbucket")
        if not os.path.exists(program):
            missing("localbucket")
        with running([program, "--port", str(port), folder], f"http://127.0.0.1:{port}") as endpoint:
            yield endpoint


@contextlib.contextmanager
def sshfs(folder: Path, mounts: Sequence[Path]) -> Iterator[None]:
    """Mounts one folder at several places through an SSH server of one's own: nobody sees the others' locks."""
    programs = [shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") for name in ("sshd", "sshfs", "fusermount3")]
    if None in programs or not os.access("/dev/fuse", os.R_OK | os.W_OK):
        missing("sshd, sshfs or /dev/fuse")
    sshd, mount, unmount = map(str, programs)
    with tempfile.TemporaryDirectory() as own, contextlib.ExitStack() as ending:
        port = free_port()
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{own}/{name}"], check=True)
        Path(own, "settings").write_text(
            f"ListenAddress 127.0.0.1:{port}\nHostKey {own}/host\nAuthorizedKeysFile {own}/user.pub\nPidFile none\n"
            "StrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\nMaxStartups 99\n"
        )
        if os.getuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)  # Where it shuts itself in; a service would make it.
        ending.enter_context(running([sshd, "-D", "-e", "-f", f"{own}/settings"], f"ssh://127.0.0.1:{port}"))
        options = f"IdentityFile={own}/user,UserKnownHostsFile=/dev/null,StrictHostKeyChecking=no,dir_cache=no,dcache_timeout=0"
        for place in mounts:
            place.mkdir(parents=True)
            words = [mount, "-p", str(port), "-o", options, f"127.0.0.1:{folder}", str(place)]
            if subprocess.run(words, check=False, stdin=subprocess.DEVNULL, timeout=START_SECONDS).returncode:
                missing("mounting with sshfs")
            ending.callback(subprocess.run, [unmount, "-u", "-z", str(place)], check=False)
        yield


@contextlib.contextmanager
def s3rver(bucket: str) -> Iterator[str]:
    """The S3 server of npm that ignores conditions; only where npm has it already. Yields its endpoint."""
    program = shutil.which("s3rver")
    if program is None:
        pytest.skip("s3rver is not installed")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        words = [program, "-a", "127.0.0.1", "-p", str(port), "-d", folder, "--configure-bucket", bucket]
        with running(words, f"http://127.0.0.1:{port}") as endpoint:
            yield endpoint
