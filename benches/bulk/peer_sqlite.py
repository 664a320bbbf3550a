"""SQLite by its shell: the register attached immutable with two indexes, claims in a database in memory."""

import subprocess

SETUP = (
    "file with indexes on number and person, attached immutable, mapped, warm; .import into a database in memory, "
    "nested loops in the order of the claims, .once; one core, which is all it uses"
)

LOAD = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -1048576;
PRAGMA temp_store = MEMORY;
CREATE TABLE raw (id TEXT, cert TEXT, name TEXT, issued TEXT, occ TEXT, issuer TEXT, institution TEXT, bar TEXT, held);
.import --csv --skip 1 {folder}/register.csv raw
CREATE TABLE r (id TEXT, cert TEXT, name TEXT, issued TEXT, occ TEXT, issuer TEXT, institution TEXT, bar TEXT,
    held INTEGER);
INSERT INTO r SELECT id, cert, name, issued, occ, nullif(issuer, ''), institution, nullif(bar, ''), held = '1' FROM raw;
DROP TABLE raw;
CREATE INDEX by_cert ON r (cert);
CREATE INDEX by_person ON r (id, name);
CREATE TABLE same (claimed TEXT, occ TEXT, PRIMARY KEY (claimed, occ)) WITHOUT ROWID;
.import --csv --skip 1 {folder}/same_occupation.csv same
ANALYZE;
VACUUM;
"""

# Blank fields come as ''; no record has one among its keys.
JUDGE = """
PRAGMA temp_store = MEMORY;
ATTACH 'file:{database}?immutable=1' AS register;
PRAGMA register.mmap_size = 1099511627776;
PRAGMA register.cache_size = -1048576;
CREATE TABLE c (ref TEXT, name TEXT, id TEXT, cert TEXT, issued TEXT, occ TEXT, issuer TEXT, tax_year INTEGER);
.import --csv --skip 1 {claims} c
CREATE TABLE by_number AS
    SELECT c.rowid AS seq, 1 + (c.id = r.id) + (c.name = r.name) AS agreeing, r.rowid AS record, r.issued, r.cert
    FROM c CROSS JOIN register.r INDEXED BY by_cert ON r.cert = c.cert WHERE c.id = r.id OR c.name = r.name;
CREATE TABLE solved (seq INTEGER PRIMARY KEY);
INSERT OR IGNORE INTO solved SELECT seq FROM by_number WHERE agreeing = 3;
CREATE TABLE best (seq INTEGER PRIMARY KEY, record INTEGER);
INSERT INTO best SELECT seq, record FROM (
    SELECT seq, record, row_number() OVER (PARTITION BY seq ORDER BY agreeing DESC, issued DESC, cert) AS place FROM (
        SELECT * FROM by_number
        UNION ALL
        SELECT c.rowid, 2, r.rowid, r.issued, r.cert
        FROM c CROSS JOIN register.r INDEXED BY by_person ON r.id = c.id AND r.name = c.name
        WHERE NOT EXISTS (SELECT 1 FROM solved WHERE solved.seq = c.rowid)
    )
) WHERE place = 1;
CREATE TABLE judged (seq INTEGER PRIMARY KEY, ref TEXT, tax_year INTEGER, id TEXT, verdict TEXT, mismatched TEXT,
    reason TEXT);
INSERT INTO judged SELECT seq, ref, tax_year, id,
    CASE WHEN id IS NULL THEN 'not_found' WHEN held THEN 'under_review' WHEN differing <> '' THEN 'mismatch'
        ELSE 'match' END,
    CASE WHEN id IS NOT NULL AND NOT held THEN nullif(ltrim(differing, ';'), '') END,
    CASE WHEN tax_year IS NULL THEN NULL
        WHEN id IS NULL OR held OR differing <> '' THEN 'no-match'
        WHEN tax_year < 2019 THEN 'not-in-force'
        WHEN CAST(substr(issued, 1, 4) AS INTEGER) <> tax_year THEN 'other-year'
        ELSE bar END
FROM (
    SELECT c.rowid AS seq, c.ref, nullif(c.tax_year, '') AS tax_year, r.id, r.held, r.issued, r.bar,
        iif(c.name <> '' AND c.name <> r.name, ';name', '')
        || iif(c.id <> '' AND c.id <> r.id, ';id_number', '')
        || iif(c.cert <> '' AND c.cert <> r.cert, ';certificate_number', '')
        || iif(c.issued <> '' AND c.issued <> r.issued, ';issue_date', '')
        || iif(c.occ <> '' AND c.occ <> r.occ AND NOT EXISTS (
            SELECT 1 FROM register.same s WHERE s.claimed = c.occ AND s.occ = r.occ), ';occupation_name', '')
        || iif(c.issuer <> '' AND c.issuer <> r.issuer AND c.issuer <> r.institution, ';issuer', '') AS differing
    FROM c LEFT JOIN best b ON b.seq = c.rowid LEFT JOIN register.r ON r.rowid = b.record
);
CREATE TABLE granted (seq INTEGER PRIMARY KEY);
INSERT INTO granted SELECT min(seq) FROM judged
    WHERE verdict = 'match' AND tax_year IS NOT NULL AND reason IS NULL GROUP BY id, tax_year;
.mode csv
.headers on
.once --bom {out}
SELECT ref, verdict, mismatched, iif(g.seq, tax_year, NULL) AS deduction_year,
    iif(g.seq, 3600, NULL) AS deduction_yuan,
    CASE WHEN verdict = 'match' AND tax_year IS NOT NULL AND reason IS NULL AND g.seq IS NULL
        THEN 'already-granted' ELSE reason END AS reason,
    NULL AS line
FROM judged LEFT JOIN granted g ON g.seq = judged.seq ORDER BY judged.seq;
"""


def shell(database, script):
    subprocess.run(["sqlite3", "-bail", database], input=script, text=True, check=True, stdout=subprocess.DEVNULL)


class Peer:
    version = "SQLite " + subprocess.run(
        ["sqlite3", "--version"], capture_output=True, text=True, check=True
    ).stdout.split()[0]

    def __init__(self, register, work):
        self.database = work / "peer.sqlite"
        shell(self.database, LOAD.format(folder=register))
        # Brings the file into the page cache.
        with open(self.database, "rb") as file:
            while file.read(1 << 24):
                pass

    def judge(self, claims, out):
        shell(":memory:", JUDGE.format(database=self.database, claims=claims, out=out))

    def close(self):
        pass
