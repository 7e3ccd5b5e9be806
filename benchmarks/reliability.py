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
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from cases import BROKEN, cases, yaml_text

RSA = [sys.executable, str(Path(sys.executable).with_name("rsa")), "batch"]
LINES = 10  # every so many thousand cases are lines of one file


def main() -> None:
    """Write the cases, judge them in every way, and say what held."""
    parser = argparse.ArgumentParser(description="Is every case accounted for exactly once?")
    parser.add_argument("--cases", type=int, default=100_000, help="how many (default 100000)")
    number = parser.parse_args().cases
    print(f"python benchmarks/reliability.py --cases {number}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        expected = write(folder / "cases", number)
        broken = sum(outcome != "judged" for _, outcome in expected)
        print(f"{number:,} cases, {broken:,} broken in {len(BROKEN)} ways")
        peace = folder / "peace.ndjson"
        timed("in peace", lambda: batch(folder, peace))
        hold(peace, expected)
        digest = without_tail(peace)
        for title, work in (
            ("a worker killed, again and again", lambda out: killed(folder, out)),
            ("interrupted and gone on with, again and again", lambda out: interrupted(folder, out)),
            ("a full disk: /dev/full", lambda out: full(folder, out)),
            ("a limit on the size of a file, then gone on with", lambda out: limited(folder, out)),
            ("two at once over the same folder", lambda out: two(folder, out)),
        ):
            out = folder / f"{title.split()[1]}.ndjson"
            timed(title, lambda work=work, out=out: work(out))  # type: ignore[misc]
            assert without_tail(out) == digest, f"{title}: not what came out in peace"
            assert not list(folder.glob("*.part")), "a part was left"
    print("every case accounted for exactly once, each time")


def write(folder: Path, number: int) -> list[tuple[str, str]]:
    """The cases, by thousands in a folder or in a file of NDJSON; of each its id and what is to become of it."""
    random = Random(5)
    ways = list(BROKEN.values())
    expected = []
    lines: list[bytes] = []
    small = [way for name, way in BROKEN.items() if name not in ("too large",)]
    for index, case in enumerate(cases(number)):
        thousand = index // 1000
        spoil = random.randrange(20) == 0
        as_line = thousand % LINES == LINES - 1
        # A case that is spoilt by chance needs fixing too: which do is found out in peace.
        expected.append((case["case"], "broken" if spoil else "judged"))
        if as_line:
            data = json.dumps(case, ensure_ascii=False).encode()
            lines.append(
                (random.choice([b"{", b"[]", data[:-1], b"\xff", data + data]) if spoil else data) + b"\n"
            )
            if len(lines) == 1000 or index == number - 1:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"{thousand:04}.ndjson").write_bytes(b"".join(lines))
                lines = []
            continue
        at = folder / f"{thousand:04}"
        at.mkdir(parents=True, exist_ok=True)
        data = yaml_text(case).encode()
        # The one that writes four megabytes is taken now and then only.
        way = random.choice(ways if random.randrange(50) == 0 else small)
        (at / f"{case['case']}.yaml").write_bytes(way(data) if spoil else data)
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


def hold(out: Path, expected: list[tuple[str, str]]) -> None:
    """Every case has its line, in order, and what is sound was judged."""
    counts: Counter[str] = Counter()
    # Folders of files and files of lines stand in the order of their names, as they were written.
    with out.open(encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines]
    assert len(found) == len(expected), (len(found), len(expected))
    order = {name: place for place, (name, _) in enumerate(expected)}
    by_id = {o["case"]: o for o in found if o["outcome"] == "judged"}
    lost = [name for name, outcome in expected if outcome == "judged" and name not in by_id]
    needing = {Path(o["file"]).stem for o in found if o["outcome"] == "needs fixing" and not o["line"]}
    needing |= {o["case"] for o in found if o["outcome"] == "needs fixing" and o["case"]}
    assert not [name for name in lost if name not in needing], "a sound case was lost"
    files = [o["file"] for o in found if o["line"] is None]
    assert files == sorted(files), "not in order"
    assert all(name in order for name in by_id)
    for one in found:
        counts[one["outcome"]] += 1
    assert counts["failed"] == 0, counts
    print(f"  {dict(counts)}; sound ones that need fixing all the same: {len(lost)}")


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
