//! What is written onto a chart: events, points, and names at the ends of lines.

use svg::node::element::{Circle, Element, Group, Title};

use super::{LEFT, ROW, area, line, text, wide};

/// An event, placed.
pub(super) struct Mark {
    pub(super) from: f64,
    pub(super) until: f64,
    pub(super) name: String,
    pub(super) says: String,
}

/// Events, drawn.
pub(super) struct Drawn {
    /// Behind the lines.
    pub(super) bands: Vec<Element>,
    /// Before them.
    pub(super) lines: Vec<Element>,
}

/// Draws events; a name for which no row is free is left to its title.
pub(super) fn draw(marks: &[Mark], rows: usize, top: f64, bottom: f64, right: f64) -> Drawn {
    let mut drawn = Drawn { bands: Vec::new(), lines: Vec::new() };
    let mut free_from = vec![f64::NEG_INFINITY; rows];
    for mark in marks {
        let band = area(mark.from, top, (mark.until - mark.from).max(1.0), bottom - top);
        drawn.bands.push(band.set("class", "band").into());
        let width = wide(&mark.name);
        let start = (mark.from - 2.0).min(right + 40.0 - width).max(LEFT - 20.0);
        let row = free_from.iter().position(|free| *free <= start);
        let head = row.map_or(top, |row| top - ROW * (rows - row) as f64 + 4.0);
        let mut group = Group::new().set("class", "event");
        group = group.add(Title::new(mark.says.as_str()));
        group = group.add(line(mark.from, head, mark.from, bottom));
        if let Some(row) = row {
            free_from[row] = start + width + 6.0;
            group = group.add(text(start + 5.0, head + 7.0, "start", &mark.name));
        }
        drawn.lines.push(group.into());
    }
    drawn
}

/// A point that says something.
pub(super) fn point(class: &'static str, x: f64, y: f64, says: &str) -> Element {
    let [x, y] = [x, y].map(super::tenth);
    let point = Circle::new().set("cx", x).set("cy", y).set("r", 4).set("class", class);
    point.add(Title::new(says)).into()
}

/// Moves names apart so that none covers another, kept in their order and inside.
pub(super) fn spread(
    names: &mut [(f64, String, &'static str)],
    top: f64,
    bottom: f64,
) -> Vec<(f64, String, &'static str)> {
    names.sort_by(|left, right| left.0.total_cmp(&right.0));
    let mut spread = names.to_vec();
    let mut least = top - ROW / 2.0;
    for name in &mut spread {
        name.0 = name.0.max(least);
        least = name.0 + ROW;
    }
    let mut most = bottom;
    for name in spread.iter_mut().rev() {
        name.0 = name.0.min(most);
        most = name.0 - ROW;
    }
    spread
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_apart_and_inside() {
        let mut names = vec![
            (100.0, "a".to_owned(), ""),
            (100.0, "b".to_owned(), ""),
            (199.0, "c".to_owned(), ""),
            (200.0, "d".to_owned(), ""),
        ];
        let spread = spread(&mut names, 0.0, 200.0);
        for pair in spread.windows(2) {
            assert!(pair[1].0 - pair[0].0 >= ROW - 1e-9, "{spread:?}");
        }
        assert!(spread.iter().all(|name| (0.0..=200.0).contains(&name.0)), "{spread:?}");
    }

    #[test]
    fn events_close_together_share_rows_and_none_is_lost() {
        let mark = |from: f64| Mark {
            from,
            until: from + 1.0,
            name: "restart".into(),
            says: format!("at {from}"),
        };
        let marks: Vec<Mark> = [100.0, 102.0, 104.0].map(mark).into();
        let drawn = draw(&marks, 2, 50.0, 200.0, 400.0);
        let all: String = drawn.lines.iter().map(ToString::to_string).collect();
        assert_eq!(all.matches("<title>").count(), 3);
        assert_eq!(all.matches("<text").count(), 2, "two rows, two names: {all}");
    }
}
