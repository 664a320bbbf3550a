//! The only place that reads a clock. Days are those of Asia/Shanghai, where the register is kept.

use anyhow::Context;
use zhengcha_engine::Date;

const ZONE: &str = "Asia/Shanghai";

fn now() -> anyhow::Result<jiff::ZonedDateTime> {
    jiff::Timestamp::now().in_tz(ZONE).context("the time zone Asia/Shanghai is not known here")
}

/// Today's date.
///
/// # Errors
/// When the zone table lacks Asia/Shanghai.
pub fn today() -> anyhow::Result<Date> {
    let now = now()?;
    Date::new(now.year().unsigned_abs(), now.month().unsigned_abs(), now.day().unsigned_abs())
        .context("the system clock shows no day of the calendar")
}

/// Now, as manifests and the ledger write it: `2026-11-24T13:00:00+08:00`.
///
/// # Errors
/// When the zone table lacks Asia/Shanghai.
pub fn timestamp() -> anyhow::Result<String> {
    Ok(now()?.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
}
