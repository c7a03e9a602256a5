"""What Windows lacks is not needed: every module imports without it, and a video is stylized."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.runtime.conftest import draw, write_media

ROOT = Path(__file__).parents[1]

AS_ON_WINDOWS = """
import os, signal, sys
# Loaded before: these are made for the system that they are on.
import asyncio, multiprocessing, shutil, socket, subprocess, tempfile, threading
import filelock, psutil
for name in ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog"):
    sys.modules[name] = None
MISSING = {
    os: ["sched_getaffinity", "sched_setaffinity", "getloadavg", "sysconf", "sysconf_names", "getuid", "geteuid",
         "getgid", "getpgid", "setsid", "killpg", "mkfifo", "fork", "forkpty", "nice", "statvfs"],
    signal: ["SIGALRM", "SIGKILL", "SIGHUP", "SIGQUIT", "SIGPIPE", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGXFSZ",
             "alarm", "setitimer", "getitimer", "ITIMER_REAL", "pthread_kill", "pthread_sigmask", "sigwait", "pause"],
}
for module, names in MISSING.items():
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
"""

IMPORT_ALL = """
import importlib, pkgutil, tsn
from pathlib import Path
failed = []
names = [f"tsn.{'.'.join(Path(file).with_suffix('').parts)}" for file in sys.argv[1:]]
for name in names:
    try:
        importlib.import_module(name)
    except Exception as error:
        failed.append(f"{name}: {type(error).__name__}: {error}")
print(len(names), failed)
"""

RUN = """
from tsn.runtime.cli import main
main()
"""


def python(code: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", AS_ON_WINDOWS + code, *words], capture_output=True, text=True, check=False, timeout=240
    )


def test_every_module_is_imported() -> None:
    pytest.importorskip("torch")
    files = [
        path.relative_to(ROOT)
        for top in ("runtime", "export", "train", "benchmarks")
        for path in sorted((ROOT / top).rglob("*.py"))
        if path.name not in {"__init__.py", "__main__.py"}
    ]
    ended = python(IMPORT_ALL, *map(str, files))
    assert ended.stdout.strip() == f"{len(files)} []", ended.stdout + ended.stderr


def test_a_video_is_stylized(tiny_bundle: Path, tmp_path: Path) -> None:
    clip = write_media(tmp_path / "in.mp4", frames=[draw(index) for index in range(4)])
    ended = python(RUN, str(tiny_bundle), str(clip), "--style", "stripes", "--temporal")
    assert ended.returncode == 0, ended.stderr
    assert "in_stripes.mp4: 4 frames" in ended.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "in_stripes.mp4"]
