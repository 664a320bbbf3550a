"""One peer in a process of its own: loads the register once, then judges files of claims as told on standard input.

    worker.py PEER REGISTER_FOLDER WORK_FOLDER

Each line asked is CLAIMS<tab>OUT; each line answered is JSON. The first answer tells version, setup and loading.
"""

import importlib
import json
import resource
import sys
import time
from pathlib import Path


def main():
    name, register, work = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    sys.path.insert(0, str(Path(__file__).parent))
    module = importlib.import_module(f"peer_{name}")
    begin = time.perf_counter()
    peer = module.Peer(register, work)
    load_seconds = time.perf_counter() - begin
    answer({"version": peer.version, "setup": module.SETUP, "load_seconds": load_seconds})
    try:
        for line in sys.stdin:
            claims, out = line.rstrip("\n").split("\t")
            begin = time.perf_counter()
            peer.judge(Path(claims), Path(out))
            seconds = time.perf_counter() - begin
            rss_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            answer({"seconds": seconds, "rss_mib": rss_kib // 1024})
    finally:
        peer.close()


def answer(message):
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main()
