//! What an upload file may cost: every bound the readers enforce, with its default.
//!
//! Promises that each limit is checked on what was really read, never on what a header declares.
//! Knows nothing of the formats beyond the names of the things it counts.

/// Bytes of one delivered file: a national register of 10 million rows as csv stays below.
pub const FILE_BYTES_MAX: u64 = 4 << 30;
/// Members of one archive; a batch of a prefecture has a few dozen.
pub const ZIP_ENTRIES_MAX: u32 = 2_000;
/// Bytes that all members of one delivered file may inflate to, nested archives and the parts of
/// workbooks included. A sheet of 1,048,576 rows and 18 columns has about 1 GiB.
pub const ZIP_INFLATED_BYTES_MAX: u64 = 4 << 30;
/// Inflated bytes per packed byte. Sheets of repetitive cells reach 60; bombs go to 1,032.
pub const ZIP_RATIO_MAX: u64 = 250;
/// Inflated bytes below which the ratio is not looked at.
pub const ZIP_RATIO_FREE_BYTES: u64 = 16 << 20;
/// Archives inside the delivered archive: a zip in a zip, no more.
pub const ZIP_DEPTH_MAX: u32 = 1;
/// Columns of a table; the widest layout has 20.
pub const COLUMNS_MAX: u32 = 256;
/// Bytes of one cell as UTF-8: 32,767 characters, the limit of spreadsheets, of four bytes each.
pub const CELL_BYTES_MAX: u32 = 4 * 32_767;
/// Rows of one csv or dbf table.
pub const TABLE_ROWS_MAX: u64 = 20_000_000;
/// Rows of one sheet, the limit of spreadsheets.
pub const SHEET_ROWS_MAX: u32 = 1_048_576;
/// Sheets of one workbook.
pub const SHEETS_MAX: u32 = 256;
/// Memory that the shared strings of an xlsx may take once read.
pub const SHARED_STRINGS_BYTES_MAX: u64 = 512 << 20;
/// Inflated bytes of each xlsx part that is neither a sheet nor the shared strings.
pub const WORKBOOK_PART_BYTES_MAX: u64 = 16 << 20;
/// Bytes of one csv record, quoted line breaks included.
pub const CSV_RECORD_BYTES_MAX: u64 = 1 << 20;
/// Bytes of an xls file, which is read whole.
pub const XLS_BYTES_MAX: u64 = 64 << 20;
/// Cells of an xls file, counting each sheet as the rectangle around its cells.
pub const XLS_CELLS_MAX: u64 = 4_000_000;

/// The bounds of one reading; [`Limits::default`] takes the constants of this module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// See [`FILE_BYTES_MAX`].
    pub file_bytes_max: u64,
    /// See [`ZIP_ENTRIES_MAX`].
    pub zip_entries_max: u32,
    /// See [`ZIP_INFLATED_BYTES_MAX`].
    pub zip_inflated_bytes_max: u64,
    /// See [`ZIP_RATIO_MAX`].
    pub zip_ratio_max: u64,
    /// See [`ZIP_RATIO_FREE_BYTES`].
    pub zip_ratio_free_bytes: u64,
    /// See [`ZIP_DEPTH_MAX`].
    pub zip_depth_max: u32,
    /// See [`COLUMNS_MAX`].
    pub columns_max: u32,
    /// See [`CELL_BYTES_MAX`].
    pub cell_bytes_max: u32,
    /// See [`TABLE_ROWS_MAX`].
    pub table_rows_max: u64,
    /// See [`SHEET_ROWS_MAX`].
    pub sheet_rows_max: u32,
    /// See [`SHEETS_MAX`].
    pub sheets_max: u32,
    /// See [`SHARED_STRINGS_BYTES_MAX`].
    pub shared_strings_bytes_max: u64,
    /// See [`WORKBOOK_PART_BYTES_MAX`].
    pub workbook_part_bytes_max: u64,
    /// See [`CSV_RECORD_BYTES_MAX`].
    pub csv_record_bytes_max: u64,
    /// See [`XLS_BYTES_MAX`].
    pub xls_bytes_max: u64,
    /// See [`XLS_CELLS_MAX`].
    pub xls_cells_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes_max: FILE_BYTES_MAX,
            zip_entries_max: ZIP_ENTRIES_MAX,
            zip_inflated_bytes_max: ZIP_INFLATED_BYTES_MAX,
            zip_ratio_max: ZIP_RATIO_MAX,
            zip_ratio_free_bytes: ZIP_RATIO_FREE_BYTES,
            zip_depth_max: ZIP_DEPTH_MAX,
            columns_max: COLUMNS_MAX,
            cell_bytes_max: CELL_BYTES_MAX,
            table_rows_max: TABLE_ROWS_MAX,
            sheet_rows_max: SHEET_ROWS_MAX,
            sheets_max: SHEETS_MAX,
            shared_strings_bytes_max: SHARED_STRINGS_BYTES_MAX,
            workbook_part_bytes_max: WORKBOOK_PART_BYTES_MAX,
            csv_record_bytes_max: CSV_RECORD_BYTES_MAX,
            xls_bytes_max: XLS_BYTES_MAX,
            xls_cells_max: XLS_CELLS_MAX,
        }
    }
}
