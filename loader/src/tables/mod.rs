//! Tables that change with the world: embedded, each replaceable by a file in the store.
//!
//! Promises a checked table or an error that names file, line and column. Knows no row of an
//! upload. What each file holds and where it comes from stands in `data/README.md`.

mod codes;
mod issuers;
mod regions;

use std::path::Path;

pub use codes::Codes;
pub use issuers::Issuers;
pub use regions::Regions;
pub use zhengcha_engine::tables::{Catalogue, TABLE_FILE_MAX_BYTES, TableError};

use crate::layout::{FieldDemand, FieldName, Layout, Layouts};
use zhengcha_engine::tables::{CATALOGUE_TABLES, Line, Source};

const FIELDS: (&str, &str) = ("fields.csv", include_str!("../../data/fields.csv"));
const HEADERS: (&str, &str) = ("headers.csv", include_str!("../../data/headers.csv"));
const CODES: (&str, &str) = ("codes.csv", include_str!("../../data/codes.csv"));
const ISSUERS: (&str, &str) = ("issuers.csv", include_str!("../../data/issuers.csv"));
const REGIONS: (&str, &str) = ("regions.csv", include_str!("../../data/regions.csv"));

/// All tables a judgement needs.
#[derive(Clone, Debug)]
pub struct Tables {
    /// Headers and demands of the layouts.
    pub layouts: Layouts,
    /// Words in place of codes.
    pub codes: Codes,
    /// 国家职业资格目录.
    pub catalogue: Catalogue,
    /// First-level codes of issuing bodies.
    pub issuers: Issuers,
    /// Address codes of resident numbers.
    pub regions: Regions,
    /// Names of the files taken from the store instead of the program.
    pub replaced: Vec<&'static str>,
}

impl Tables {
    /// The tables built into the program.
    ///
    /// # Errors
    /// None in a program whose tests have passed.
    pub fn embedded() -> Result<Self, TableError> {
        Self::load(None)
    }

    /// The tables built in, each replaced by the file of its name in `folder` where there is one.
    ///
    /// # Errors
    /// A file there cannot be read or is wrong; nothing falls back in silence.
    pub fn load(folder: Option<&Path>) -> Result<Self, TableError> {
        let mut replaced = Vec::new();
        let mut open = |(name, embedded): (&'static str, &'static str)| {
            let source = Source::open(folder, name, embedded)?;
            if source.from_store {
                replaced.push(name);
            }
            Ok::<_, TableError>(source)
        };
        let [editions, names, exits] = CATALOGUE_TABLES;
        let catalogue = Catalogue::read(&open(editions)?, &open(names)?, &open(exits)?)?;
        let fields = read_demands(&open(FIELDS)?)?;
        Ok(Self {
            layouts: read_headers(&open(HEADERS)?, fields)?,
            codes: Codes::read(&open(CODES)?)?,
            catalogue,
            issuers: Issuers::read(&open(ISSUERS)?)?,
            regions: Regions::read(&open(REGIONS)?)?,
            replaced,
        })
    }
}

type Demands = [[FieldDemand; FieldName::COUNT]; 2];

fn read_demands(source: &Source<'_>) -> Result<Demands, TableError> {
    const COLUMNS: [&str; 6] = [
        "field",
        "required_2013",
        "required_2019",
        "width_2013_bytes",
        "width_2019_bytes",
        "warn_above_bytes",
    ];
    let mut demands = Demands::default();
    let mut seen = [false; FieldName::COUNT];
    source.each(&COLUMNS, |row| {
        let field = field(row, 0)?;
        seen[field as usize] = true;
        for layout in [Layout::Of2013, Layout::Of2019] {
            let at = layout as usize;
            demands[at][field as usize] = FieldDemand {
                required: match row.get(1 + at) {
                    "yes" => true,
                    "no" => false,
                    _ => return Err(row.wrong(1 + at, "yes or no is expected")),
                },
                width_bytes: row.optional(3 + at)?,
                warn_above_bytes: row.optional(5)?,
            };
        }
        Ok(())
    })?;
    match FieldName::ALL.into_iter().find(|&field| !seen[field as usize]) {
        Some(field) => Err(source.wrong(format!("there is no line for {}", field.name()))),
        None => Ok(demands),
    }
}

fn read_headers(source: &Source<'_>, demands: Demands) -> Result<Layouts, TableError> {
    let mut headers = Vec::new();
    let mut lines = Vec::new();
    source.each(&["field", "header", "layout"], |row| {
        let layout = match row.get(2) {
            "" => None,
            "2013" => Some(Layout::Of2013),
            "2019" => Some(Layout::Of2019),
            _ => return Err(row.wrong(2, "2013, 2019 or nothing is expected")),
        };
        headers.push((field(row, 0)?, row.filled(1)?.to_owned(), layout));
        lines.push(row.wrong(1, "this header, or its first 10 bytes, stands for two fields"));
        Ok(())
    })?;
    Layouts::new(&headers, demands).map_err(|index| lines.swap_remove(index))
}

/// The field a line is about.
fn field(row: &Line<'_>, column: usize) -> Result<FieldName, TableError> {
    FieldName::from_name(row.get(column)).ok_or_else(|| row.wrong(column, "no field has this name"))
}
