"""DuckDB: a persistent table, read_csv in, hash joins on all cores, COPY out."""

import duckdb

SETUP = (
    "persistent table in certificate order, warm; read_csv with given types, two hash joins, one statement a step, "
    "COPY TO; all cores"
)

LOAD = """
CREATE TABLE r AS SELECT * FROM read_csv('{folder}/register.csv', header = true, auto_detect = false, nullstr = '',
    delim = ',', quote = '"', columns = {{'id': 'VARCHAR', 'cert': 'VARCHAR', 'name': 'VARCHAR', 'issued': 'DATE',
    'occ': 'VARCHAR', 'issuer': 'VARCHAR', 'institution': 'VARCHAR', 'bar': 'VARCHAR', 'held': 'BOOLEAN'}});
CREATE TABLE same AS SELECT * FROM read_csv('{folder}/same_occupation.csv', header = true, all_varchar = true);
CHECKPOINT;
ANALYZE;
"""

# By number first; the person alone only where not all three keys have agreed.
JUDGE = """
CREATE OR REPLACE TEMP TABLE c AS SELECT row_number() OVER () AS seq, * FROM read_csv('{claims}', header = true,
    auto_detect = false, nullstr = '', delim = ',', quote = '"', columns = {{'ref': 'VARCHAR', 'name': 'VARCHAR',
    'id': 'VARCHAR', 'cert': 'VARCHAR', 'issued': 'DATE', 'occ': 'VARCHAR', 'issuer': 'VARCHAR',
    'tax_year': 'SMALLINT'}});
CREATE OR REPLACE TEMP TABLE by_number AS
    SELECT c.seq, 1 + coalesce(c.id = r.id, false)::INT + coalesce(c.name = r.name, false)::INT AS agreeing, r.*
    FROM c JOIN r ON c.cert = r.cert WHERE c.id = r.id OR c.name = r.name;
CREATE OR REPLACE TEMP TABLE by_person AS
    SELECT c.seq, 2 AS agreeing, r.* FROM c JOIN r ON c.id = r.id AND c.name = r.name
    WHERE NOT EXISTS (SELECT 1 FROM by_number a WHERE a.seq = c.seq AND a.agreeing = 3);
CREATE OR REPLACE TEMP VIEW candidates AS SELECT * FROM by_number UNION ALL SELECT * FROM by_person;
CREATE OR REPLACE TEMP TABLE ties AS SELECT seq FROM candidates GROUP BY seq HAVING count(*) > 1;
CREATE OR REPLACE TEMP VIEW best AS
    SELECT * FROM candidates ANTI JOIN ties USING (seq)
    UNION ALL
    SELECT * FROM candidates SEMI JOIN ties USING (seq)
    QUALIFY row_number() OVER (PARTITION BY seq ORDER BY agreeing DESC, issued DESC, cert) = 1;
CREATE OR REPLACE TEMP TABLE judged AS
    SELECT seq, ref, tax_year, id,
        CASE WHEN id IS NULL THEN 'not_found' WHEN held THEN 'under_review' WHEN differing IS NOT NULL THEN 'mismatch'
            ELSE 'match' END AS verdict,
        CASE WHEN NOT held THEN differing END AS mismatched,
        CASE WHEN tax_year IS NULL THEN NULL
            WHEN id IS NULL OR held OR differing IS NOT NULL THEN 'no-match'
            WHEN tax_year < 2019 THEN 'not-in-force'
            WHEN year(issued) <> tax_year THEN 'other-year'
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
    );
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
) TO '{out}' (HEADER true);
"""


class Peer:
    version = f"DuckDB {duckdb.__version__}"

    def __init__(self, register, work):
        self.connection = duckdb.connect(str(work / "peer.duckdb"))
        self.connection.execute("SET preserve_insertion_order = true")
        self.connection.execute(LOAD.format(folder=register))
        # Brings every column into memory.
        self.connection.execute("SELECT count(DISTINCT hash(r)) FROM r").fetchall()

    def judge(self, claims, out):
        self.connection.execute(JUDGE.format(claims=claims, out=out))

    def close(self):
        self.connection.close()
