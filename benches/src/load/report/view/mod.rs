//! What the pages show, put into words, tables and charts; the templates only lay it out.

mod about;
mod against;
mod curves;
mod first;
mod knee;
mod over_time;
mod phase;
mod phase_tables;
mod sides;
mod table;

use askama::Template;

use super::super::run::Run;
use super::number;
pub(super) use against::compare;
use first::Figure;
use table::Table;

/// A part of the page with a heading.
#[derive(Default)]
struct Section {
    /// Unique on the page, made of letters, digits and hyphens.
    id: String,
    heading: String,
    /// What it is for, in a sentence or two.
    lead: String,
    /// What went wrong.
    alarms: Vec<String>,
    /// Drawn as SVG, each with a caption.
    charts: Vec<Drawing>,
    tables: Vec<Table>,
    /// How figures are to be read.
    notes: Vec<String>,
}

/// A chart under its caption.
struct Drawing {
    caption: String,
    svg: String,
    is_wide: bool,
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    title: String,
    subtitle: String,
    verdict: String,
    alarms: Vec<String>,
    warnings: &'a [String],
    figures: Vec<Figure>,
    not_measured: String,
    plan: Option<Table>,
    sections: Vec<Section>,
}

/// The report of one run, as HTML.
pub(super) fn report(run: &Run, plan: &[(String, String)]) -> anyhow::Result<String> {
    let mut sections = Vec::new();
    sections.extend(knee::search(run));
    sections.extend(knee::overload(run));
    sections.extend(knee::costs(run));
    sections.push(phase::overview(run));
    sections.extend(
        run.phases.iter().enumerate().map(|(place, phase)| phase::section(run, phase, place)),
    );
    sections.extend(knee::witness(run));
    sections.extend(about::constants(run));
    sections.push(about::section(run));
    let page = Page {
        title: format!("Load test, {} certificates", number::grouped(run.about.records)),
        subtitle: first::subtitle(run),
        verdict: first::verdict(run),
        alarms: first::alarms(run),
        warnings: &run.warnings,
        figures: first::figures(run),
        not_measured: first::not_measured(run),
        plan: first::plan(plan),
        sections,
    };
    Ok(page.render()?)
}
