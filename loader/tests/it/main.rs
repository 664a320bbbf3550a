//! Behaviour of the loader on real files, one module for each part.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod input_csv;
mod input_dbf;
mod input_sniff;
mod input_support;
mod input_xls;
mod input_xlsx;
