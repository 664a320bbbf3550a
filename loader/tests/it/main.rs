//! Everything the loader promises, in one binary.

mod report_files;
mod rules_document;
mod rules_fields;
mod rules_headers;
mod rules_numbers;
mod rules_rows;
mod rules_support;
mod rules_tables;
