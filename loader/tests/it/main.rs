//! Everything the loader promises, in one binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod claims_judged;
mod command_claims;
mod command_deltas;
mod command_generations;
mod command_hold;
mod command_load;
mod command_output;
mod command_refused;
mod command_support;
mod command_synth;
mod command_verify;
mod deltas_model;
mod input_csv;
mod input_dbf;
mod input_sniff;
mod input_support;
mod input_xls;
mod input_xlsx;
mod input_xlsx_oracle;
mod kill_loop;
mod report_files;
mod rules_document;
mod rules_fields;
mod rules_headers;
mod rules_numbers;
mod rules_rows;
mod rules_support;
mod rules_tables;
mod samples;
mod scale_smoke;
mod store_faults;
mod store_fsck;
mod store_holds;
mod upload_parallel;
