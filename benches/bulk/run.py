"""Bulk verification beside its peers: the same claims, the same register, the same verdicts, in one run.

    run.py --store DIR --register DIR --claims CLAIMS.csv --expected VERDICTS.csv --loader PROGRAM --work DIR
           [--rounds 3] [--peers duckdb,polars,sqlite,postgres]

Every peer loads the register first, apart. Then each judges the file of claims once untimed and ROUNDS times in turns with
the others: csv in, csv out, the full judgement. Ours is the whole command, opening the store included. A digest of the rows
(without byte order mark and carriage returns, which not every peer can write) must equal that of the expected verdicts
after every round; else the run fails.
"""

import argparse
import hashlib
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
CHUNK_BYTES = 1 << 24


def arguments():
    parser = argparse.ArgumentParser()
    for name in ["store", "register", "claims", "expected", "loader", "work"]:
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", default="duckdb,polars,sqlite,postgres")
    return parser.parse_args()


def digest(path):
    rows = hashlib.sha256()
    with open(path, "rb") as file:
        first = True
        while chunk := file.read(CHUNK_BYTES):
            if first:
                chunk = chunk.removeprefix(b"\xef\xbb\xbf")
                first = False
            rows.update(chunk.replace(b"\r", b""))
    return rows.hexdigest()


class Worker:
    """A peer in a process of its own."""

    def __init__(self, name, options):
        work = options.work / name
        work.mkdir()
        command = [sys.executable, HERE / "worker.py", name, options.register, work]
        self.name, self.out = name, options.work / f"{name}.csv"
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        told = self.answer()
        self.version, self.setup, self.load_seconds = told["version"], told["setup"], told["load_seconds"]
        self.seconds = []

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} broke off")
        return json.loads(line)

    def judge(self, claims):
        self.process.stdin.write(f"{claims}\t{self.out}\n")
        self.process.stdin.flush()
        return self.answer()["seconds"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Ours:
    """The command as a user runs it."""

    name, load_seconds, setup = "zhengcha", 0.0, "`zhengcha-loader verify`, a new process each time; all cores"

    def __init__(self, options):
        version = subprocess.run([options.loader, "--version"], capture_output=True, text=True, check=True)
        self.version = version.stdout.strip()
        self.out, self.options, self.seconds = options.work / "zhengcha.csv", options, []

    def judge(self, claims):
        for left in [self.out, Path(f"{self.out}.summary.json")]:
            left.unlink(missing_ok=True)
        command = [self.options.loader, "verify", claims, "--out", self.out, "--store", self.options.store]
        begin = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.perf_counter() - begin

    def close(self):
        pass


def verifies(loader):
    return subprocess.run([loader, "verify", "--help"], capture_output=True).returncode == 0


def main():
    options = arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    expected = digest(options.expected)
    with open(f"{options.expected}.summary.json") as file:
        count = json.load(file)["claims"]
    peers = [Ours(options)] if verifies(options.loader) else []
    if not peers:
        print("this loader has no `verify`: peers alone", file=sys.stderr)
    try:
        for name in filter(None, options.peers.split(",")):
            peers.append(Worker(name, options))
            print(f"{peers[-1].version} has loaded in {peers[-1].load_seconds:.1f} s", file=sys.stderr)
        for turn in range(options.rounds + 1):
            for peer in peers:
                seconds = peer.judge(options.claims)
                found = digest(peer.out)
                if found != expected:
                    raise SystemExit(f"{peer.name}: digest {found}, not {expected}; compare {peer.out}")
                if turn > 0:
                    peer.seconds.append(seconds)
                print(f"round {turn} {peer.name}: {seconds:.2f} s", file=sys.stderr)
    finally:
        for peer in peers:
            peer.close()
    report(options, peers, count, expected)


def report(options, peers, count, expected):
    best = min(statistics.median(peer.seconds) for peer in peers)
    claims_bytes, verdict_bytes = options.claims.stat().st_size, options.expected.stat().st_size
    print(f"{count} claims, {claims_bytes / count:.1f} bytes each in, {verdict_bytes / count:.1f} out; "
          f"{options.rounds} rounds in turns; digest of the rows {expected}, the same for all\n")
    print("| | claims/s, median (least to most) | seconds | ratio to the fastest | register loaded in | set up |")
    print("| --- | --- | --- | --- | --- | --- |")
    for peer in peers:
        median = statistics.median(peer.seconds)
        rates = [count / seconds for seconds in peer.seconds]
        loaded = f"{peer.load_seconds:.1f} s" if peer.load_seconds else "–"
        print(f"| {peer.version} | {count / median:,.0f} ({min(rates):,.0f} to {max(rates):,.0f}) | {median:.2f} | "
              f"{median / best:.2f} | {loaded} | {peer.setup} |")


if __name__ == "__main__":
    main()
