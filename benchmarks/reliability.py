"""Is every case accounted for exactly once, whatever happens? A script, not a test: it takes minutes.

    python benchmarks/reliability.py [--cases 100000]

Generated cases, of which 5 % are broken in every way the tests know, as files and as lines of NDJSON, mixed.
They are judged once in peace; then while a worker is killed again and again, onto a full disk, past a limit on
the size of a file, with interruptions and `--resume`, and by two runs at once over the same folder. After each,
every case has its one line, in order, with what it came to in peace, and no finished file holds a partial line.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from cases import BROKEN, BROKEN_LINES, cases, yaml_text

RSA = [sys.executable, str(Path(sys.executable).with_name("rsa")), "batch"]
LINES = 10  # every so many thousand cases are lines of one file
Place = tuple[str, "int | None"]


def main() -> None:
    """Write the cases, judge them in every way, and say what held."""
    parser = argparse.ArgumentParser(description="Is every case accounted for exactly once?")
    parser.add_argument("--cases", type=int, default=100_000, help="how many (default 100000)")
    number = parser.parse_args().cases
    print(f"python benchmarks/reliability.py --cases {number}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        expected = write(folder / "cases", number)
        ways = f"{len(BROKEN)} ways as files, in {len(BROKEN_LINES)} as lines"
        print(f"{number:,} cases, {sum(expected.values()):,} broken, in {ways}")
        peace = folder / "peace.ndjson"
        timed("in peace", partial(batch, folder, peace))
        hold(peace, expected)
        digest = without_tail(peace)
        for title, work in (
            ("a worker killed, again and again", killed),
            ("interrupted and gone on with, again and again", interrupted),
            ("a full disk: /dev/full", full),
            ("a disk that fills up, then gone on with", small),
            ("a limit on the size of a file, then gone on with", limited),
            ("two at once over the same folder", two),
        ):
            out = folder / f"{title.replace(' ', '-').replace('/', '')}.ndjson"
            timed(title, partial(work, folder, out))
            assert without_tail(out) == digest, f"{title}: not what came out in peace"
            assert not list(folder.glob("*.part")), "a part was left"
    print("every case accounted for exactly once, each time")


def write(folder: Path, number: int) -> dict[Place, bool]:
    """The cases, by thousands in a folder or in a file of NDJSON; of each its place and whether it was spoilt."""
    random = Random(5)
    # The one that writes four megabytes is taken now and then only.
    small = {name: way for name, way in BROKEN.items() if name != "too large"}
    expected: dict[Place, bool] = {}
    lines: list[bytes] = []
    folder.mkdir(parents=True)
    for index, case in enumerate(cases(number)):
        thousand = folder / f"{index // 1000:04}"
        spoil = random.randrange(20) == 0
        if index // 1000 % LINES == LINES - 1:
            data = json.dumps(case, ensure_ascii=False).encode()
            way = random.choice(list(BROKEN_LINES.values()))
            lines.append(way(data) if spoil else data)
            path = thousand.with_suffix(".ndjson")
            expected[str(path), len(lines)] = spoil
            if len(lines) == 1000 or index == number - 1:
                path.write_bytes(b"\n".join(lines) + b"\n")
                lines = []
            continue
        thousand.mkdir(exist_ok=True)
        data = yaml_text(case).encode()
        way = random.choice(list((BROKEN if random.randrange(50) == 0 else small).values()))
        path = thousand / f"{case['case']}.yaml"
        path.write_bytes(way(data) if spoil else data)
        expected[str(path), None] = spoil and way(data) != data
    return expected


def command(folder: Path, out: Path, *more: str) -> list[str]:
    return [
        *RSA,
        str(folder / "cases"),
        "--format",
        "ndjson",
        "--output",
        str(out),
        "--as-of",
        "2026-03-01",
        *more,
    ]


def batch(folder: Path, out: Path, *more: str) -> None:
    done = subprocess.run(command(folder, out, *more), capture_output=True, text=True, check=False)
    assert done.returncode in (0, 3), done.stderr


def timed(title: str, work: Callable[[], Any]) -> None:
    began = time.monotonic()
    work()
    print(f"{title}: {time.monotonic() - began:.0f} s", flush=True)


def hold(out: Path, expected: dict[Place, bool]) -> None:
    """Every case has its one line; what was spoilt needs fixing, and what is sound was judged."""
    with out.open(encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines]
    outcomes = {(one["file"], one["line"]): one["outcome"] for one in found}
    assert len(found) == len(outcomes) == len(expected), (len(found), len(outcomes), len(expected))
    assert outcomes.keys() == expected.keys()
    wrong = [
        place
        for place, spoilt in expected.items()
        if outcomes[place] != ("needs fixing" if spoilt else "judged")
    ]
    assert not wrong, wrong[:5]
    # Files of a folder stand before the folders in it, each by name.
    assert list(outcomes) == sorted(outcomes, key=lambda place: (place[1] is None, *place)), "not in order"
    print(f"  {dict(Counter(outcomes.values()))}")


def without_tail(out: Path) -> str:
    """A sum over the finished file, which ends with a whole line."""
    from hashlib import sha256

    data = out.read_bytes()
    assert data.endswith(b"\n")
    return sha256(data).hexdigest()


def killed(folder: Path, out: Path) -> None:
    """Kill a worker every now and then."""
    run = subprocess.Popen(command(folder, out, "--jobs", "2"), stderr=subprocess.DEVNULL)
    random = Random(1)
    kills = 0
    while run.poll() is None:
        time.sleep(1 + random.random())
        children = subprocess.run(
            ["pgrep", "-P", str(run.pid)], capture_output=True, text=True, check=False
        ).stdout.split()
        if children and run.poll() is None:
            try:
                os.kill(int(random.choice(children)), signal.SIGKILL)
                kills += 1
            except ProcessLookupError:
                continue
    assert run.returncode in (0, 3), run.returncode
    print(f"  {kills} killed")


def interrupted(folder: Path, out: Path) -> None:
    """Ctrl-C, and go on; and now and then the whole program killed, which may leave a line that is not whole."""
    random = Random(2)
    times = 0
    while True:
        run = subprocess.Popen(command(folder, out, "--resume"), stderr=subprocess.DEVNULL)
        try:
            run.wait(timeout=4 + 8 * random.random() + times)
        except subprocess.TimeoutExpired:
            times += 1
            run.send_signal(signal.SIGINT if times % 2 else signal.SIGKILL)
            run.wait()
            continue
        assert run.returncode in (0, 3), run.returncode
        break
    print(f"  {times} times")


def full(folder: Path, out: Path) -> None:
    """A disk without room is said, and nothing is taken for finished; then in peace."""
    done = subprocess.run(command(folder, Path("/dev/full")), capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.returncode
    assert "No space left" in done.stderr, done.stderr
    batch(folder, out)


def small(folder: Path, out: Path) -> None:
    """A disk that fills up while it is written to, then is given room, where one may be mounted."""
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        print("  no disk may be mounted here: left out")
        batch(folder, out)
        return
    try:
        target = disk / "out.ndjson"
        done = subprocess.run(command(folder, target), capture_output=True, text=True, check=False)
        assert done.returncode == 2, done.returncode
        assert "No space left" in done.stderr, done.stderr
        assert not target.exists()
        subprocess.run(["mount", "-o", "remount,size=2g", str(disk)], check=True)
        batch(folder, target, "--resume")
        shutil.copy(target, out)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def limited(folder: Path, out: Path) -> None:
    """A file may grow to a few megabytes only: the part stays, and what is written of it is not lost."""
    shell = f"ulimit -f 4096; trap '' XFSZ; exec {' '.join(command(folder, out))}"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False)
    if done.returncode == 2:
        assert "cannot write" in done.stderr, done.stderr
        assert not out.exists()
        assert Path(f"{out}.part").exists()
    batch(folder, out, "--resume")


def two(folder: Path, out: Path) -> None:
    """Two runs at once onto two files: both are whole and the same."""
    other = out.with_name("other.ndjson")
    runs = [subprocess.Popen(command(folder, path), stderr=subprocess.DEVNULL) for path in (out, other)]
    assert all(run.wait() in (0, 3) for run in runs)
    assert without_tail(out) == without_tail(other)


if __name__ == "__main__":
    main()
