//! Charts as inline SVG, without a colour of their own: the page's style sheet gives classes their looks,
//! so that one chart serves light, dark and paper. Lines differ by dash as well as by colour.

mod marks;
pub(super) mod scale;
mod thin;

use scale::Scale;
use svg::node::Text as Characters;
use svg::node::element::{Description, Element, Group, Line, Path, Rectangle, SVG, Text, Title};

pub(super) use thin::thin;

const WIDTH: f64 = 540.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 64.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 34.0;
/// Height of a row of names of events, and of a name at the end of a line.
const ROW: f64 = 13.0;
/// Points beyond which a line shows nothing more.
const POINTS: usize = 240;

/// One axis: its scale, what it counts, and how its ticks are written.
pub(super) struct Axis {
    pub(super) scale: Scale,
    pub(super) name: &'static str,
    pub(super) write: fn(f64) -> String,
}

/// What a chart is called and how large it is.
pub(super) struct Frame<'a> {
    /// Unique on the page.
    pub(super) id: String,
    pub(super) title: &'a str,
    /// What is to be seen, for those who cannot see it.
    pub(super) description: String,
    /// Whether it spans both columns of the page.
    pub(super) is_wide: bool,
    /// Rows kept free for names of events.
    pub(super) rows: usize,
}

/// A chart being drawn.
pub(super) struct Chart {
    head: Group,
    layers: Vec<Element>,
    names: Vec<(f64, String, &'static str)>,
    marks: Vec<marks::Mark>,
    x: Axis,
    y: Axis,
    width: f64,
    top: f64,
    bottom: f64,
    rows: usize,
    svg: SVG,
}

impl Chart {
    /// An empty chart: axes, ticks and grid.
    pub(super) fn new(frame: Frame<'_>, x: Axis, y: Axis) -> Self {
        let width = if frame.is_wide { 2.0 * WIDTH + 32.0 } else { WIDTH };
        let top = TOP + ROW * frame.rows as f64;
        let bottom = top + 190.0;
        let (title, description) = (format!("{}-t", frame.id), format!("{}-d", frame.id));
        let mut svg = SVG::new();
        // Inside HTML the name space goes without saying, and the page names no address at all.
        svg.get_attributes_mut().remove("xmlns");
        let svg = svg
            .set("viewBox", (0.0, 0.0, width, bottom + BOTTOM))
            .set("role", "img")
            .set("class", if frame.is_wide { "chart wide" } else { "chart" })
            .set("aria-labelledby", format!("{title} {description}"))
            .add(Title::new(frame.title).set("id", title))
            .add(Description::new().set("id", description).add(Characters::new(frame.description)));
        let mut chart = Self {
            head: Group::new(),
            layers: Vec::new(),
            names: Vec::new(),
            marks: Vec::new(),
            x,
            y,
            width,
            top,
            bottom,
            rows: frame.rows,
            svg,
        };
        chart.head = chart.axes();
        chart
    }

    fn right(&self) -> f64 {
        self.width - RIGHT
    }

    fn at_x(&self, value: f64) -> Option<f64> {
        self.x.scale.place(value).map(|place| LEFT + place * (self.right() - LEFT))
    }

    fn at_y(&self, value: f64) -> Option<f64> {
        self.y.scale.place(value).map(|place| self.bottom - place * (self.bottom - self.top))
    }

    fn axes(&self) -> Group {
        let (right, bottom) = (self.right(), self.bottom);
        let mut group = Group::new()
            .add(text(4.0, 12.0, "start", self.y.name).set("class", "unit"))
            .add(text(right, bottom + 30.0, "end", self.x.name).set("class", "unit"));
        for tick in self.y.scale.ticks() {
            let Some(y) = self.at_y(tick) else { continue };
            group = group.add(line(LEFT, y, right, y).set("class", "grid")).add(text(
                LEFT - 6.0,
                y + 4.0,
                "end",
                &(self.y.write)(tick),
            ));
        }
        let mut free_from = f64::NEG_INFINITY;
        for tick in self.x.scale.ticks() {
            let Some(x) = self.at_x(tick) else { continue };
            group = group.add(line(x, bottom, x, bottom + 4.0).set("class", "axis"));
            let name = (self.x.write)(tick);
            let half = wide(&name) / 2.0;
            // A tick keeps its line but not its name where that would run into the one before.
            if x - half >= free_from {
                group = group.add(text(x, bottom + 17.0, "middle", &name));
                free_from = x + half + 8.0;
            }
        }
        group.add(line(LEFT, bottom, right, bottom).set("class", "axis"))
    }

    /// A line through points; `None` breaks it. Its name stands at its end.
    pub(super) fn line(
        &mut self,
        class: &'static str,
        name: &str,
        points: impl Iterator<Item = (f64, Option<f64>)>,
    ) {
        let placed: Vec<Option<(f64, f64)>> =
            points.map(|(x, y)| Some((self.at_x(x)?, self.at_y(y?)?))).collect();
        let placed = thin(&placed, POINTS);
        let (mut data, mut is_down) = (String::new(), false);
        for (place, point) in placed.iter().enumerate() {
            let Some((x, y)) = point else {
                is_down = false;
                continue;
            };
            data.push_str(&format!(
                "{}{} {}",
                if is_down { "L" } else { "M" },
                tenth(*x),
                tenth(*y)
            ));
            let is_alone = !is_down && placed.get(place + 1).is_none_or(Option::is_none);
            if is_alone {
                // A point between two gaps would not be seen.
                data.push_str("h2");
            }
            is_down = true;
        }
        if let Some((_, y)) = placed.iter().rev().flatten().next() {
            self.names.push((*y, name.to_owned(), class));
        }
        if !data.is_empty() {
            self.layers
                .push(Path::new().set("d", data).set("class", format!("line {class}")).into());
        }
    }

    /// Points of their own, each with what it says.
    pub(super) fn points(
        &mut self,
        class: &'static str,
        points: impl Iterator<Item = (f64, f64, String)>,
    ) {
        for (x, y, says) in points {
            if let (Some(x), Some(y)) = (self.at_x(x), self.at_y(y)) {
                self.layers.push(marks::point(class, x, y, &says));
            }
        }
    }

    /// Bars from the axis upwards: from, to, height, what it says.
    pub(super) fn bars(&mut self, bars: impl Iterator<Item = (f64, f64, f64, String)>) {
        for (from, to, height, says) in bars {
            let (Some(from), Some(to), Some(y)) =
                (self.at_x(from), self.at_x(to), self.at_y(height))
            else {
                continue;
            };
            let bar = area(from, y, (to - from - 0.5).max(0.5), self.bottom - y);
            self.layers.push(bar.set("class", "bar").add(Title::new(says)).into());
        }
    }

    /// A level across the chart, such as an objective.
    pub(super) fn level(&mut self, name: &str, value: f64) {
        let Some(y) = self.at_y(value) else { return };
        self.layers.push(line(LEFT, y, self.right(), y).set("class", "line level").into());
        self.names.push((y, name.to_owned(), "level"));
    }

    /// Something that happened, from then until then.
    pub(super) fn mark(&mut self, from: f64, until: f64, name: &str, says: &str) {
        if let (Some(from), Some(until)) = (self.at_x(from), self.at_x(until)) {
            self.marks.push(marks::Mark {
                from,
                until,
                name: name.to_owned(),
                says: says.to_owned(),
            });
        }
    }

    /// Columns that say their figures when pointed at: from, to, what they say.
    pub(super) fn hover(&mut self, columns: impl Iterator<Item = (f64, f64, String)>) {
        for (from, to, says) in columns {
            let (Some(from), Some(to)) = (self.at_x(from), self.at_x(to)) else { continue };
            let column = area(from, self.top, to - from, self.bottom - self.top);
            self.layers.push(column.set("class", "hover").add(Title::new(says)).into());
        }
    }

    /// The chart as SVG.
    pub(super) fn draw(mut self) -> String {
        let right = self.right();
        let marks = marks::draw(&self.marks, self.rows, self.top, self.bottom, right);
        let names = marks::spread(&mut self.names, self.top, self.bottom)
            .into_iter()
            .map(|(y, name, class)| {
                Element::from(
                    text(right + 5.0, y + 4.0, "start", &name)
                        .set("class", format!("name {class}")),
                )
            })
            .collect::<Vec<_>>();
        let (hover, seen): (Vec<Element>, Vec<Element>) = self
            .layers
            .into_iter()
            .partition(|layer| layer.get_attributes().get("class").is_some_and(|c| *c == "hover"));
        let all = marks.bands.into_iter().chain(seen).chain(names).chain(hover).chain(marks.lines);
        all.fold(self.svg.add(self.head), SVG::add).to_string()
    }
}

/// Shortens what is written into paths.
fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// About how wide a text is.
fn wide(text: &str) -> f64 {
    text.chars().count() as f64 * 6.4
}

fn line(x1: f64, y1: f64, x2: f64, y2: f64) -> Line {
    let [x1, y1, x2, y2] = [x1, y1, x2, y2].map(tenth);
    Line::new().set("x1", x1).set("y1", y1).set("x2", x2).set("y2", y2)
}

fn area(x: f64, y: f64, width: f64, height: f64) -> Rectangle {
    let [x, y, width, height] = [x, y, width.max(0.0), height.max(0.0)].map(tenth);
    Rectangle::new().set("x", x).set("y", y).set("width", width).set("height", height)
}

fn text(x: f64, y: f64, anchor: &str, content: &str) -> Text {
    Text::new(content).set("x", tenth(x)).set("y", tenth(y)).set("text-anchor", anchor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::report::number;

    fn chart() -> Chart {
        let axis = |scale| Axis { scale, name: "n", write: number::round };
        let frame = Frame {
            id: "c".into(),
            title: "<b>",
            description: "a & b".into(),
            is_wide: false,
            rows: 1,
        };
        Chart::new(frame, axis(Scale::time(0.0, 10.0)), axis(Scale::from_nought([10.0])))
    }

    #[test]
    fn a_line_breaks_where_there_is_no_value() {
        let mut chart = chart();
        let values = [Some(1.0), Some(2.0), None, Some(f64::NAN), Some(3.0)];
        chart.line("a", "x", values.into_iter().enumerate().map(|(at, value)| (at as f64, value)));
        let svg = chart.draw();
        let data = svg.split(" d=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(data.matches('M').count(), 2, "{data}");
        assert!(data.ends_with("h2"), "a lone point is seen: {data}");
    }

    #[test]
    fn what_is_written_into_a_chart_is_escaped() {
        let mut chart = chart();
        chart.mark(1.0, 2.0, "<script>", "<script>");
        let svg = chart.draw();
        assert!(!svg.contains("<script>") && !svg.contains("<b>"), "{svg}");
        assert!(svg.contains("a &amp; b"));
    }

    #[test]
    fn bars_and_columns_stay_inside() {
        let mut chart = chart();
        chart.bars([(2.0, 3.0, 99.0, "much".to_owned())].into_iter());
        chart.hover([(-5.0, 2.0, "before".to_owned())].into_iter());
        let svg = chart.draw();
        assert!(!svg.contains("=\"-"), "{svg}");
    }
}
