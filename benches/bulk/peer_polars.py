"""Polars: the register as a frame in memory, lazy queries on all cores."""

import polars as pl

SETUP = "frame in memory in certificate order; read_csv with given types, two lazy joins, write_csv; all cores"

REGISTER = {
    "id": pl.String, "cert": pl.String, "name": pl.String, "issued": pl.Date, "occ": pl.String, "issuer": pl.String,
    "institution": pl.String, "bar": pl.String, "held": pl.Int8,
}
CLAIM = {
    "ref": pl.String, "name": pl.String, "id": pl.String, "cert": pl.String, "issued": pl.Date, "occ": pl.String,
    "issuer": pl.String, "tax_year": pl.Int16,
}


def read(path, schema):
    """A csv under our own column names."""
    return pl.read_csv(path, has_header=False, skip_rows=1, schema=schema)


class Peer:
    version = f"polars {pl.__version__}"

    def __init__(self, register, work):
        self.register = read(register / "register.csv", REGISTER).rechunk()
        self.keys = self.register.select("id", "cert", "name").with_row_index("record")
        same = read(register / "same_occupation.csv", {"occ": pl.String, "occ_r": pl.String})
        self.same = same

    def judge(self, claims, out):
        claims = read(claims, CLAIM).with_row_index("seq")
        self.verdicts(claims, self.records(claims)).write_csv(out, line_terminator="\r\n", include_bom=True)

    def records(self, claims):
        """The row of each claim's record; null for none. Only row numbers are carried along."""
        keys = claims.lazy().select("seq", "id", "cert", "name")
        agrees = lambda key: (pl.col(key) == pl.col(f"{key}_r")).fill_null(False)
        by_number = (
            keys.join(self.keys.lazy(), on="cert", suffix="_r")
            .filter(agrees("id") | agrees("name"))
            .select("seq", "record", agreeing=1 + agrees("id").cast(pl.Int8) + agrees("name").cast(pl.Int8))
            .collect()
        )
        solved = by_number.lazy().filter(pl.col("agreeing") == 3).select("seq")
        by_person = (
            keys.drop_nulls(["id", "name"])
            .join(solved, on="seq", how="anti")
            .join(self.keys.lazy(), on=["id", "name"])
            .select("seq", "record", agreeing=pl.lit(2, pl.Int8))
            .collect()
        )
        both = pl.concat([by_number, by_person])
        several = both["seq"].is_duplicated()
        ties = both.filter(several)
        chosen = (
            pl.concat([ties, self.register.select("issued", "cert")[ties["record"]]], how="horizontal")
            .sort("seq", "agreeing", "issued", "cert", descending=[False, True, True, False])
            .unique("seq", keep="first", maintain_order=True)
        )
        best = pl.concat([both.filter(~several).select("seq", "record"), chosen.select("seq", "record")])
        numbers = claims.select("seq").join(best, on="seq", how="left", maintain_order="left")
        return numbers["record"]

    def verdicts(self, claims, records):
        held = self.register.select(pl.all().gather(records)).rename(lambda name: f"{name}_r")
        frame = pl.concat([claims, held], how="horizontal")
        other_name = frame.lazy().filter(pl.col("occ") != pl.col("occ_r")).select("seq", "occ", "occ_r")
        same = other_name.join(self.same.lazy(), on=["occ", "occ_r"], how="semi").collect()["seq"].implode()
        differs = lambda claimed, held: (pl.col(claimed) != pl.col(held)).fill_null(False)
        name = lambda condition, field: pl.when(condition).then(pl.lit(field))
        due = (pl.col("verdict") == "match") & pl.col("tax_year").is_not_null() & pl.col("reason").is_null()
        under_review, found = pl.col("held_r") == 1, pl.col("id_r").is_not_null()
        fields = {
            "name": differs("name", "name_r"),
            "id_number": differs("id", "id_r"),
            "certificate_number": differs("cert", "cert_r"),
            "issue_date": differs("issued", "issued_r"),
            "occupation_name": differs("occ", "occ_r") & ~pl.col("seq").is_in(same),
            "issuer": differs("issuer", "issuer_r") & differs("issuer", "institution_r"),
        }
        differing = pl.concat_str(
            *(name(condition, field) for field, condition in fields.items()), separator=";", ignore_nulls=True
        )
        mismatch = found & ~under_review & pl.any_horizontal(*fields.values())
        judged = (
            frame.lazy()
            .with_columns(mismatch=mismatch)
            .with_columns(
                mismatched=pl.when("mismatch").then(differing),
                verdict=pl.when(~found).then(pl.lit("not_found"))
                .when(under_review).then(pl.lit("under_review"))
                .when("mismatch").then(pl.lit("mismatch"))
                .otherwise(pl.lit("match")),
            )
            .select(
                "seq", "ref", "verdict", "mismatched", "tax_year", "id_r",
                reason=pl.when(pl.col("tax_year").is_null()).then(None)
                .when(pl.col("verdict") != "match").then(pl.lit("no-match"))
                .when(pl.col("tax_year") < 2019).then(pl.lit("not-in-force"))
                .when(pl.col("issued_r").dt.year() != pl.col("tax_year")).then(pl.lit("other-year"))
                .otherwise(pl.col("bar_r")),
            )
            .with_columns(due=due)
            .collect()
        )
        first = judged.lazy().filter("due").group_by("id_r", "tax_year").agg(pl.col("seq").min()).collect()["seq"]
        granted = pl.repeat(False, len(judged), eager=True, dtype=pl.Boolean).scatter(first, True)
        return judged.select(
            "ref", "verdict", "mismatched",
            deduction_year=pl.when(granted).then("tax_year"),
            deduction_yuan=pl.when(granted).then(pl.lit(3600)),
            reason=pl.when(pl.col("due") & ~granted).then(pl.lit("already-granted")).otherwise("reason"),
            line=pl.lit(None, pl.String),
        )

    def close(self):
        pass
