//! The parts of a package by name, and what the workbook says of its sheets.
//!
//! Promises sheets in the order of the workbook, hidden ones included, each with the part it is in.
//! Knows no cells.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};

use zip::read::ZipFile;

use super::super::archive::{self, Zip};
use super::super::error::{Blame, Place};
use super::super::source::{CHUNK_BYTES, Source};
use super::super::{InputError, Limits};
use super::xml::{Fault, Node, Xml, unescaped};

/// The part that a package begins with.
const PACKAGE_RELATIONS: &str = "_rels/.rels";

pub(super) type PartXml<'z> = Xml<BufReader<ZipFile<'z, BufReader<Source>>>>;

/// A package whose parts are found by name, whatever its case and slashes.
pub(super) struct Parts<'a> {
    zip: Zip,
    indexes: HashMap<String, usize>,
    limits: &'a Limits,
    blame: Blame<'a>,
}

impl<'a> Parts<'a> {
    pub(super) fn new(zip: Zip, limits: &'a Limits, blame: Blame<'a>) -> Result<Self, InputError> {
        let mut indexes = HashMap::with_capacity(zip.len());
        for index in 0..zip.len() {
            let entry = zip
                .by_index_data(index)
                .map_err(|error| blame.damaged(Place::File, "a part", error.to_string()))?;
            indexes.insert(key(&String::from_utf8_lossy(entry.name_raw())), index);
        }
        Ok(Self { zip, indexes, limits, blame })
    }

    /// Opens a part; `None` when there is none of that name.
    pub(super) fn open(&mut self, name: &str) -> Result<Option<PartXml<'_>>, InputError> {
        let Some(&index) = self.indexes.get(&key(name)) else { return Ok(None) };
        let blame = self.blame;
        let entry = self.zip.by_index(index).map_err(|error| archive::unreadable(&error, blame))?;
        Ok(Some(Xml::new(BufReader::with_capacity(CHUNK_BYTES, entry), self.limits)))
    }

    /// Reads a part whole; `None` when there is none of that name.
    pub(super) fn read<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut PartXml<'_>) -> Result<T, Fault>,
    ) -> Result<Option<T>, InputError> {
        let blame = self.blame;
        let Some(mut xml) = self.open(name)? else { return Ok(None) };
        let place = || Place::Part { part: name.to_owned(), cell: None };
        read(&mut xml).map(Some).map_err(|fault| fault.at(place(), blame))
    }

    fn require<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut PartXml<'_>) -> Result<T, Fault>,
    ) -> Result<T, InputError> {
        let missing = self.blame.damaged(Place::File, format!("the part {name}"), "none");
        self.read(name, read)?.ok_or(missing)
    }

    /// Reads what the package says of its workbook.
    #[expect(clippy::redundant_closure, reason = "a function is not general over the lifetime")]
    pub(super) fn workbook(&mut self) -> Result<Workbook, InputError> {
        let package = self.require(PACKAGE_RELATIONS, |xml| read_relations(xml))?;
        let of_package = |kind| package.iter().find(|relation| relation.kind == kind);
        let Some(document) = of_package("officeDocument") else {
            return Err(self.blame.damaged(Place::File, "a relation to a workbook", "none"));
        };
        let path = resolve("", &document.target);
        let folder = path.rfind('/').map_or("", |slash| &path[..=slash]);
        let relations = self
            .require(&format!("{folder}_rels/{}.rels", &path[folder.len()..]), |xml| {
                read_relations(xml)
            })?;
        let (entries, is_1904) = self.require(&path, |xml| read_workbook(xml))?;
        let mut sheets = Vec::with_capacity(entries.len());
        for entry in entries {
            let Some(relation) = relations.iter().find(|other| other.id == entry.relation) else {
                let place = Place::Sheet(entry.name);
                return Err(self.blame.damaged(place, "a relation to its part", "none"));
            };
            // Charts and dialogues hold no cells.
            if relation.kind == "worksheet" {
                sheets.push(Sheet { name: entry.name, part: resolve(folder, &relation.target) });
            }
        }
        let part = |kind: &str, usual: &str| {
            let relation = relations.iter().find(|relation| relation.kind == kind);
            resolve(folder, relation.map_or(usual, |relation| &relation.target))
        };
        let strings = part("sharedStrings", "sharedStrings.xml");
        let styles = part("styles", "styles.xml");
        Ok(Workbook { sheets, is_1904, strings, styles })
    }
}

/// What is needed of a workbook before its sheets are read.
#[derive(Debug)]
pub(super) struct Workbook {
    pub(super) sheets: Vec<Sheet>,
    /// Whether days are counted from 1904.
    pub(super) is_1904: bool,
    /// The name of the part with the shared strings, which need not be there.
    pub(super) strings: String,
    /// The name of the part with the cell formats, which need not be there.
    pub(super) styles: String,
}

/// A worksheet.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) name: String,
    pub(super) part: String,
}

/// A sheet as the workbook lists it.
struct Entry {
    name: String,
    relation: String,
}

struct Relation {
    id: String,
    /// The last word of the type, the same in both editions of the standard.
    kind: String,
    target: String,
}

fn read_relations<R: BufRead>(xml: &mut Xml<R>) -> Result<Vec<Relation>, Fault> {
    let mut relations = Vec::new();
    while let Some(node) = xml.node()? {
        let Node::Open(tag) = node else { continue };
        if tag.name() != "Relationship" {
            continue;
        }
        let text = |name| Ok(tag.attribute(name)?.unwrap_or_default().into_owned());
        let (id, kind, target) = (text("Id")?, text("Type")?, text("Target")?);
        let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
        relations.push(Relation { id, kind, target });
    }
    Ok(relations)
}

fn read_workbook<R: BufRead>(xml: &mut Xml<R>) -> Result<(Vec<Entry>, bool), Fault> {
    let (mut entries, mut is_1904) = (Vec::new(), false);
    while let Some(node) = xml.node()? {
        let Node::Open(tag) = node else { continue };
        match tag.name() {
            "sheet" => {
                let (mut name, mut relation) = (String::new(), String::new());
                tag.attributes(|key, value| {
                    // The prefix of the relation is the maker's choice.
                    if key == "name" {
                        name = unescaped(value)?.into_owned();
                    } else if key.ends_with(":id") {
                        relation = unescaped(value)?.into_owned();
                    }
                    Ok(())
                })?;
                entries.push(Entry { name, relation });
            }
            // Extensions have an element of this name without the attribute.
            "workbookPr" => {
                if let Some(value) = tag.attribute("date1904")? {
                    is_1904 = matches!(&*value, "1" | "true");
                }
            }
            _ => {}
        }
    }
    Ok((entries, is_1904))
}

/// The name of the part at `target` as seen from `folder`, which ends in a slash or is empty.
fn resolve(folder: &str, target: &str) -> String {
    let target = target.replace('\\', "/");
    let path = match target.strip_prefix('/') {
        Some(absolute) => absolute.to_owned(),
        None => format!("{folder}{target}"),
    };
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    names.join("/")
}

fn key(name: &str) -> String {
    name.replace('\\', "/").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_found_from_their_folder() {
        for (folder, target, want) in [
            ("xl/", "worksheets/sheet1.xml", "xl/worksheets/sheet1.xml"),
            ("xl/", "/xl/worksheets/sheet1.xml", "xl/worksheets/sheet1.xml"),
            ("xl/", "../data/./s.xml", "data/s.xml"),
            ("xl/", "../../../s.xml", "s.xml"),
            ("xl/", "worksheets\\sheet1.xml", "xl/worksheets/sheet1.xml"),
            ("", "workbook.xml", "workbook.xml"),
        ] {
            assert_eq!(resolve(folder, target), want, "{target}");
        }
    }

    #[test]
    fn sheets_and_epoch_are_read() {
        let xml = "<workbook><workbookPr date1904=\"true\"/><sheets><sheet name=\"A&amp;B\" sheetId=\"1\" \
                   state=\"hidden\" rel:id=\"rId3\"/></sheets><extLst><x15:workbookPr/></extLst></workbook>";
        let mut xml = Xml::new(xml.as_bytes(), &Limits::default());
        let (entries, is_1904) = read_workbook(&mut xml).unwrap();
        assert!(is_1904);
        assert_eq!(entries.len(), 1);
        assert_eq!((&*entries[0].name, &*entries[0].relation), ("A&B", "rId3"));
    }
}
