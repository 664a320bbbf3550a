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
        same = read(register / "same_occupation.csv", {"occ": pl.String, "occ_r": pl.String})
        self.same = same.with_columns(same=True)

    def judge(self, claims, out):
        claims = read(claims, CLAIM).with_row_index("seq")
        judged = self.verdicts(claims.lazy(), self.candidates(claims))
        judged.write_csv(out, line_terminator="\r\n", include_bom=True)

    def candidates(self, claims):
        """The best record of each claim that has one."""
        keys = claims.lazy().select("seq", "id", "cert", "name")
        held = self.register.lazy()
        agrees = lambda key: (pl.col(key) == pl.col(f"{key}_r")).fill_null(False)
        by_number = (
            keys.join(held.with_columns(cert_r="cert"), on="cert", suffix="_r")
            .filter(agrees("id") | agrees("name"))
            .with_columns(agreeing=1 + agrees("id").cast(pl.Int8) + agrees("name").cast(pl.Int8))
            .drop("id", "cert", "name")
            .collect()
        )
        solved = by_number.lazy().filter(pl.col("agreeing") == 3).select("seq")
        by_person = (
            keys.drop_nulls(["id", "name"])
            .join(solved, on="seq", how="anti")
            .join(held.with_columns(id_r="id", name_r="name"), on=["id", "name"], suffix="_r")
            .with_columns(agreeing=pl.lit(2, pl.Int8))
            .drop("id", "cert", "name")
            .select(by_number.columns)
            .collect()
        )
        both = pl.concat([by_number, by_person])
        several = pl.col("seq").is_duplicated()
        chosen = (
            both.filter(several)
            .sort("seq", "agreeing", "issued", "cert_r", descending=[False, True, True, False])
            .unique("seq", keep="first", maintain_order=True)
        )
        return pl.concat([both.filter(~several), chosen]).rename(
            {"issued": "issued_r", "occ": "occ_r", "issuer": "issuer_r", "institution": "institution_r"}
        )

    def verdicts(self, claims, best):
        differs = lambda claimed, held: (pl.col(claimed) != pl.col(held)).fill_null(False)
        name = lambda condition, field: pl.when(condition).then(pl.lit(field))
        due = (pl.col("verdict") == "match") & pl.col("tax_year").is_not_null() & pl.col("reason").is_null()
        differing = pl.concat_str(
            name(differs("name", "name_r"), "name"),
            name(differs("id", "id_r"), "id_number"),
            name(differs("cert", "cert_r"), "certificate_number"),
            name(differs("issued", "issued_r"), "issue_date"),
            name(differs("occ", "occ_r") & pl.col("same").is_null(), "occupation_name"),
            name(pl.col("issuer").ne_missing(pl.col("issuer_r")) & differs("issuer", "institution_r"), "issuer"),
            separator=";",
            ignore_nulls=True,
        )
        held, found = pl.col("held") == 1, pl.col("id_r").is_not_null()
        judged = (
            claims.join(best.lazy(), on="seq", how="left", maintain_order="left")
            .join(self.same.lazy(), on=["occ", "occ_r"], how="left", maintain_order="left")
            .with_columns(mismatched=pl.when(found & ~held).then(differing).replace("", None))
            .with_columns(
                verdict=pl.when(~found).then(pl.lit("not_found"))
                .when(held).then(pl.lit("under_review"))
                .when(pl.col("mismatched").is_not_null()).then(pl.lit("mismatch"))
                .otherwise(pl.lit("match"))
            )
            .with_columns(
                reason=pl.when(pl.col("tax_year").is_null()).then(None)
                .when(pl.col("verdict") != "match").then(pl.lit("no-match"))
                .when(pl.col("tax_year") < 2019).then(pl.lit("not-in-force"))
                .when(pl.col("issued_r").dt.year() != pl.col("tax_year")).then(pl.lit("other-year"))
                .otherwise(pl.col("bar"))
            )
            .collect()
        )
        granted = (
            judged.lazy().filter(due).group_by("id_r", "tax_year").agg(pl.col("seq").min())
            .select("seq", granted=pl.lit(True))
        )
        return (
            judged.lazy().join(granted, on="seq", how="left", maintain_order="left")
            .select(
                "ref", "verdict", "mismatched",
                deduction_year=pl.when("granted").then("tax_year"),
                deduction_yuan=pl.when("granted").then(pl.lit(3600)),
                reason=pl.when(due & pl.col("granted").is_null()).then(pl.lit("already-granted")).otherwise("reason"),
                line=pl.lit(None, pl.String),
            )
            .collect()
        )

    def close(self):
        pass
