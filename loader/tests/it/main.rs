//! Behaviour of the loader on real files, one module for each part.

mod input_csv;
mod input_dbf;
mod input_sniff;
mod input_support;
