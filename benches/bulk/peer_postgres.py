"""PostgreSQL: a private server on a unix socket, COPY in and out, joins as its planner chooses."""

import glob
import os
import pwd
import shutil
import subprocess
import time

SETUP = (
    "indexes on number and person, VACUUM FREEZE, 2 GiB of shared buffers, 512 MiB of work memory, unlogged tables, "
    "parallel plans, no fsync; COPY FROM, one statement a step, COPY TO through psql"
)

PATIENCE_SECONDS = 60

SETTINGS = [
    "listen_addresses=", "shared_buffers=2GB", "work_mem=512MB", "maintenance_work_mem=512MB",
    "effective_cache_size=8GB", "random_page_cost=1.1", "wal_level=minimal", "max_wal_senders=0", "max_wal_size=8GB",
    "fsync=off", "synchronous_commit=off", "autovacuum=off", "jit=off", "dynamic_shared_memory_type=mmap",
    "max_parallel_workers_per_gather=2", "min_parallel_table_scan_size=0", "log_min_messages=fatal",
]

LOAD = """
BEGIN;
CREATE TABLE r (id text, cert text, name text, issued date, occ text, issuer text, institution text, bar text,
    held boolean);
\\copy r FROM '{folder}/register.csv' WITH (FORMAT csv, HEADER true, FREEZE true)
COMMIT;
CREATE INDEX by_cert ON r (cert) WITH (fillfactor = 100);
CREATE INDEX by_person ON r (id) WITH (fillfactor = 100);
CREATE TABLE same (claimed text, occ text, PRIMARY KEY (claimed, occ));
\\copy same FROM '{folder}/same_occupation.csv' WITH (FORMAT csv, HEADER true)
VACUUM (FREEZE, ANALYZE);
CHECKPOINT;
SELECT sum(length(r::text)) FROM r;
"""

JUDGE = """
DROP TABLE IF EXISTS c, by_number, candidates, best, judged;
CREATE UNLOGGED TABLE c (seq bigint GENERATED ALWAYS AS IDENTITY (CACHE 1000), ref text, name text, id text, cert text,
    issued date, occ text, issuer text, tax_year smallint);
\\copy c (ref, name, id, cert, issued, occ, issuer, tax_year) FROM '{claims}' WITH (FORMAT csv, HEADER true)
ANALYZE c;
CREATE UNLOGGED TABLE by_number AS
    SELECT c.seq, 1 + coalesce((c.id = r.id)::int, 0) + coalesce((c.name = r.name)::int, 0) AS agreeing, r.*
    FROM c JOIN r ON c.cert = r.cert WHERE c.id = r.id OR c.name = r.name;
ANALYZE by_number;
CREATE UNLOGGED TABLE candidates AS
    SELECT c.seq, 2 AS agreeing, r.* FROM c JOIN r ON c.id = r.id AND c.name = r.name
    WHERE NOT EXISTS (SELECT 1 FROM by_number a WHERE a.seq = c.seq AND a.agreeing = 3);
CREATE UNLOGGED TABLE best AS
    SELECT DISTINCT ON (seq) * FROM (SELECT * FROM by_number UNION ALL SELECT * FROM candidates) both_ways
    ORDER BY seq, agreeing DESC, issued DESC, cert;
ANALYZE best;
CREATE UNLOGGED TABLE judged AS
    SELECT seq, ref, tax_year, id,
        CASE WHEN id IS NULL THEN 'not_found' WHEN held THEN 'under_review' WHEN differing IS NOT NULL THEN 'mismatch'
            ELSE 'match' END AS verdict,
        CASE WHEN NOT held THEN differing END AS mismatched,
        CASE WHEN tax_year IS NULL THEN NULL
            WHEN id IS NULL OR held OR differing IS NOT NULL THEN 'no-match'
            WHEN tax_year < 2019 THEN 'not-in-force'
            WHEN extract(year FROM issued) <> tax_year THEN 'other-year'
            ELSE bar END AS reason
    FROM (
        SELECT c.seq, c.ref, c.tax_year, b.id, b.held, b.issued, b.bar,
            nullif(concat_ws(';',
                CASE WHEN c.name <> b.name THEN 'name' END,
                CASE WHEN c.id <> b.id THEN 'id_number' END,
                CASE WHEN c.cert <> b.cert THEN 'certificate_number' END,
                CASE WHEN c.issued <> b.issued THEN 'issue_date' END,
                CASE WHEN c.occ <> b.occ AND s.occ IS NULL THEN 'occupation_name' END,
                CASE WHEN c.issuer <> b.issuer AND c.issuer <> b.institution THEN 'issuer' END), '') AS differing
        FROM c LEFT JOIN best b ON b.seq = c.seq LEFT JOIN same s ON s.claimed = c.occ AND s.occ = b.occ
    ) compared;
ANALYZE judged;
COPY (
    SELECT ref, verdict, mismatched, CASE WHEN g.seq IS NOT NULL THEN tax_year END AS deduction_year,
        CASE WHEN g.seq IS NOT NULL THEN 3600 END AS deduction_yuan,
        CASE WHEN verdict = 'match' AND tax_year IS NOT NULL AND reason IS NULL AND g.seq IS NULL
            THEN 'already-granted' ELSE reason END AS reason,
        NULL AS line
    FROM judged LEFT JOIN (
        SELECT min(seq) AS seq FROM judged
        WHERE verdict = 'match' AND tax_year IS NOT NULL AND reason IS NULL GROUP BY id, tax_year
    ) g USING (seq)
    ORDER BY seq
) TO STDOUT WITH (FORMAT csv, HEADER true);
"""


def program(name):
    places = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), reverse=True)
    found = places[0] if places else shutil.which(name)
    if not found:
        raise RuntimeError(f"{name} is not installed")
    return found


class Peer:
    def __init__(self, register, work):
        self.folder = work.resolve()
        # The server refuses to run as root.
        account = {}
        if os.geteuid() == 0:
            entry = pwd.getpwnam("postgres")
            account = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            for above in [self.folder.parent, self.folder.parent.parent]:
                above.chmod(above.stat().st_mode | 0o011)
        self.version = subprocess.run(
            [program("postgres"), "--version"], capture_output=True, text=True, check=True
        ).stdout.strip().replace("postgres (PostgreSQL)", "PostgreSQL")
        self.log = open(work / "log", "ab")
        quiet = {"cwd": self.folder, "stdout": self.log, "stderr": self.log, **account}
        layout = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        subprocess.run([program("initdb"), "-D", self.folder / "data", *layout], check=True, **quiet)
        settings = [word for setting in SETTINGS for word in ("-c", setting)]
        command = [program("postgres"), "-D", self.folder / "data", "-k", self.folder, *settings]
        self.server = subprocess.Popen(command, stdin=subprocess.DEVNULL, **quiet)
        self.wait()
        self.run(LOAD.format(folder=register.resolve()), subprocess.DEVNULL)

    def wait(self):
        begin = time.monotonic()
        while subprocess.run([program("pg_isready"), "-q", "-h", self.folder]).returncode != 0:
            if self.server.poll() is not None or time.monotonic() - begin > PATIENCE_SECONDS:
                raise RuntimeError(f"the server did not start; see {self.folder}/log")
            time.sleep(0.1)

    def run(self, script, out):
        command = [program("psql"), "-q", "-X", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U", "postgres"]
        environment = {**os.environ, "PGCLIENTENCODING": "UTF8", "PGOPTIONS": "-c client_min_messages=warning"}
        subprocess.run(command, input=script.encode(), stdout=out, env=environment, check=True)

    def judge(self, claims, out):
        with open(out, "wb") as file:
            self.run(JUDGE.format(claims=claims.resolve()), file)

    def close(self):
        self.server.terminate()
        self.server.wait(PATIENCE_SECONDS)
