//! Tables.

/// A table with a caption; the first cell of a row is its heading.
#[derive(Default)]
pub(super) struct Table {
    pub(super) caption: String,
    pub(super) head: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Cell>>,
}

/// A cell; numbers stand on the right, text on the left.
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) class: &'static str,
}

impl Cell {
    /// Text.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), class: "text" }
    }

    /// A number, or several that are compared.
    pub(super) fn number(text: impl Into<String>) -> Self {
        Self { text: text.into(), class: "" }
    }

    fn is_text(&self) -> bool {
        self.class.starts_with("text")
    }

    /// A count that should be nought.
    pub(super) fn fault(count: u64) -> Self {
        let class = if count > 0 { "bad" } else { "" };
        Self { text: super::number::grouped(count), class }
    }
}

impl Table {
    pub(super) fn new(caption: impl Into<String>, head: &[&'static str]) -> Self {
        Self { caption: caption.into(), head: head.to_vec(), rows: Vec::new() }
    }

    /// Names and what they are.
    pub(super) fn pairs<N: Into<String>, V: Into<String>>(
        caption: impl Into<String>,
        head: [&'static str; 2],
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let mut table = Self::new(caption, &head);
        for (name, value) in pairs {
            table.rows.push(vec![Cell::text(name), Cell::text(value)]);
        }
        table
    }

    /// Whether this column holds text, so that its head stands over it.
    pub(super) fn is_text(&self, column: &usize) -> bool {
        self.rows.first().and_then(|row| row.get(*column)).is_some_and(|cell| cell.is_text())
    }

    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }
}
