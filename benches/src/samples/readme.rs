//! The table of samples for people.

use std::fmt::Write;

use super::batches;
use super::expected::{TODAY, counts};
use super::sheet::Sheet;

/// The whole of `data-samples/README.md`.
pub(super) fn text(sheets: &[Sheet]) -> String {
    let person = batches::known_person();
    let mut text = format!(
        "# Samples\n\n\
         Small upload files in every format and both layouts, written by `make samples` from one \
         seed. Every person in them is invented.\nSome rows are bad on purpose. `expected.json` \
         says the same for tests. To try them: `make demo`.\n\n\
         The person to ask for is **{}**, identity number `{}`, who holds the certificates \
         `{}` (ticket `{}`) and `{}`.\n\n\
         Counts are those of `load --org all --today {}-{:02}-{:02}`. Nearly all rows are `late`: \
         issued more than thirty days before.\n\n\
         | file | layout | shows | rows | accepted | of them warned | rejected |\n\
         | --- | --- | --- | --: | --: | --: | --: |\n",
        person.name,
        person.id_number,
        person.certificate_number,
        person.ticket_number,
        batches::second_certificate().certificate_number,
        TODAY.0,
        TODAY.1,
        TODAY.2,
    );
    for sheet in sheets {
        line(&mut text, sheet);
    }
    text.push_str("\n## Rows with something to see\n");
    for sheet in sheets {
        let _ = write!(
            text,
            "\n### {}\n\n| row | what | rule | field |\n| --: | --- | --- | --- |\n",
            sheet.file
        );
        for (position, row) in sheet.rows.iter().enumerate() {
            if row.note.is_empty() && row.told.is_empty() {
                continue;
            }
            let rules: Vec<_> = row.told.iter().map(|told| format!("`{}`", told.rule)).collect();
            let fields: Vec<_> = row.told.iter().map(|told| format!("`{}`", told.field)).collect();
            let note = if row.note.is_empty() { "name wider than 20 bytes" } else { row.note };
            let verdict = if row.is_rejected() { "rejected" } else { "accepted" };
            let _ = writeln!(
                text,
                "| {} | {note} | {} | {} |",
                sheet.row_number(position),
                if rules.is_empty() {
                    verdict.to_owned()
                } else {
                    format!("{verdict}: {}", rules.join(", "))
                },
                fields.join(", ")
            );
        }
    }
    text.push_str(
        "\nThree rules need more than one load and are not shown: `conflict` (the number belongs to \
         another person in the store), `scope` (try `--org 11` on a file of another province) and \
         `purged`.\n",
    );
    text
}

fn line(text: &mut String, sheet: &Sheet) {
    let file = counts(sheet);
    let layout = match sheet.layout {
        zhengcha_loader::synth::TableLayout::Of2013 => 2013,
        zhengcha_loader::synth::TableLayout::Of2019 => 2019,
    };
    let _ = writeln!(
        text,
        "| `{}` | {layout} | {} | {} | {} | {} | {} |",
        sheet.file, sheet.shows, file.rows, file.accepted, file.warned, file.rejected
    );
}
