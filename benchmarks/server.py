"""Runs nginx on loopback, with generated images.

    /large/0000123.jpg      an image of about 2.5 MB
    /small/0000123.jpg      of about 7 KB
    /tiny/0000123.svg       of about 75 bytes
    /far/<one of these>     the same after `DELAY`; needs nginx's echo module

A server in Python would be the bottleneck.
"""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from benchmarks.pictures import EXTENSIONS, PICTURES, TINY
from benchmarks.workloads import DELAY, Workload

HOSTS = [f"127.0.0.{n}" for n in range(1, 21)]

# Path in Debian's libnginx-mod-http-echo.
ECHO = Path("/usr/lib/nginx/modules/ngx_http_echo_module.so")

# Timeout for the start of nginx, seconds.
START = 10.0


class Unavailable(Exception):
    """A required program is not installed; the message says what to do."""


@dataclass(frozen=True)
class Site:
    """A running nginx."""

    port: int
    tls_port: int
    authority: Path
    """The certificate authority that clients must trust, PEM."""
    version: str

    def urls(self, workload: Workload) -> Iterator[str]:
        return workload.urls(self.tls_port if workload.tls else self.port)


@contextmanager
def serving(folder: Path, workloads: Iterable[Workload]) -> Iterator[Site]:
    """Serve the images of *workloads* from *folder*.

    :raises Unavailable: if nginx is not installed, or doesn't start
    """
    workloads = list(workloads)
    nginx = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if nginx is None:
        raise Unavailable("nginx is not installed: apt-get install nginx libnginx-mod-http-echo")
    if any(w.far for w in workloads) and not ECHO.exists():
        raise Unavailable("nginx has no echo module: apt-get install libnginx-mod-http-echo")
    _make_pictures(folder, workloads)
    authority = _make_certificates(folder)
    port, tls_port = _free_ports(2)
    configuration = folder / "nginx.conf"
    configuration.write_text(_configuration(folder, port, tls_port))
    version = subprocess.run([nginx, "-v"], capture_output=True, text=True, check=True).stderr
    process = subprocess.Popen([nginx, "-c", str(configuration), "-e", str(folder / "error.log")])
    try:
        _wait_for(process, port, folder / "error.log")
        yield Site(port, tls_port, authority, version.strip().rpartition("/")[2])
    finally:
        process.terminate()
        process.wait()


def _make_pictures(folder: Path, workloads: list[Workload]) -> None:
    for kind in {w.kind for w in workloads} - {"tiny"}:
        folder_of_kind = folder / kind
        folder_of_kind.mkdir()
        for number in range(max(w.pictures for w in workloads if w.kind == kind)):
            path = folder_of_kind / f"{number:07}.{EXTENSIONS[kind]}"
            path.write_bytes(PICTURES[kind](number))


def _make_certificates(folder: Path) -> Path:
    authority = trustme.CA()
    server = authority.issue_cert(*HOSTS)
    server.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    path = folder / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return path


def _free_ports(count: int) -> list[int]:
    held = [socket.socket() for _ in range(count)]
    for one in held:
        one.bind((HOSTS[0], 0))
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def _configuration(folder: Path, port: int, tls_port: int) -> str:
    listen = "\n".join(
        f"    listen {host}:{port} backlog=4096; listen {host}:{tls_port} ssl backlog=4096;"
        for host in HOSTS
    )
    echo = ECHO.exists()
    far = f"location ~ ^/far(/.*)$ {{ echo_sleep {DELAY}; echo_exec $1; }}" if echo else ""
    return f"""
{f"load_module {ECHO};" if echo else ""}
user {getpass.getuser()};  # only this user may read the folder of the images
daemon off;
worker_processes auto;
worker_rlimit_nofile 65536;
pid {folder}/nginx.pid;
error_log {folder}/error.log error;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 75s;
  keepalive_requests 10000000;
  open_file_cache max=9000 inactive=600s;  # per worker; within its limit of open files
  types {{ image/jpeg jpg; image/svg+xml svg; }}
  client_body_temp_path {folder}/t1;
  proxy_temp_path {folder}/t2;
  fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4;
  scgi_temp_path {folder}/t5;
  server {{
{listen}
    ssl_certificate {folder}/server.pem;
    ssl_certificate_key {folder}/server.pem;
    ssl_session_cache shared:tls:10m;
    root {folder};
    location ~ ^/tiny/(\\d+)\\.svg$ {{
      types {{ }}
      default_type image/svg+xml;
      return 200 '{TINY}';
    }}
    {far}
  }}
}}
"""


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection((HOSTS[0], port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    said = log.read_text() if log.exists() else ""
    raise Unavailable(f"nginx does not start: {said.strip() or 'no reason given'}")
