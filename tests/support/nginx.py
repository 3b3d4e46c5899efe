"""nginx with TLS and HTTP/2, on loopback."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme

from tests.support.until import until

CONFIG = """
daemon off; pid {folder}/pid; error_log {folder}/errors;
events {{ worker_connections 500; }}
http {{
    access_log off;
    client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
    uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate {folder}/pem; ssl_certificate_key {folder}/pem;
        root {folder}/www;
    }}
}}
"""


@contextmanager
def nginx(folder: Path, files: dict[str, bytes]) -> Iterator[int]:
    """Run nginx with TLS and HTTP/2; yield its port."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "pem")
    (folder / "www").mkdir()
    for name, body in files.items():
        (folder / "www" / name).write_bytes(body)
    for each in (folder, *folder.parents):  # its worker may be another user
        if each.owner() == folder.owner() and each != Path("/"):
            each.chmod(each.stat().st_mode | 0o055)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    (folder / "conf").write_text(CONFIG.format(folder=folder, port=port))
    process = subprocess.Popen(["nginx", "-c", str(folder / "conf"), "-p", str(folder)])
    try:
        until(lambda: _listens(port), "nginx listens")
        yield port
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
