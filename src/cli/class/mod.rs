//! `trial class`: what a lecturer needs of some scenarios. Slides without answers, a handout with the questions, apart from it the
//! key, and a seed for each student; and the grading of what students have answered, by their exit status.
//!
//! What is right is judged by runs: that of the scenario's own seed in the key, that of each student's seed beside it.

mod grade;
mod lesson;
mod paper;
mod seeds;
mod setting;
mod slides;

use super::output_directory::OutputDirectory;
use super::terminal::Terminal;
use super::{Status, inputs};
use crate::figure::to_svg;
use crate::report::OutputFile;
use crate::scenario::{Diagnostic, SHIPPED};
use clap::Args;
use lesson::Lesson;
use std::path::PathBuf;

/// Make what a class needs of scenarios: slides (SVG, PDF), questions, the key apart, a seed for each student; or grade
/// answers.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// Scenario files, directories of them, names of shipped ones, or of their folders, such as 10-acks
    #[arg(value_name = "SCENARIO|FOLDER", required_unless_present = "grade")]
    scenarios: Vec<String>,
    /// The directory for all of it; the key goes into key/, so that the rest can be handed out
    #[arg(long, value_name = "DIR", required_unless_present = "grade")]
    out: Option<PathBuf>,
    /// Write into --out though it is there
    #[arg(long)]
    force: bool,
    /// A seed for each of so many students (seeds.csv), and what the run of each comes to (key/answers.csv)
    #[arg(long, value_name = "COUNT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=500))]
    students: u32,
    /// Grade files that "trial predict --out" has written: each answer is held against the run of its seed. The exit status is
    /// 0 if all is answered and right, else 1. With scenarios, all questions of these must be answered; without, those of each
    /// that a person has begun
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["out", "students", "force"])]
    grade: Vec<String>,
}

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Status {
    let done = match arguments.grade.is_empty() {
        true => made(arguments, terminal).map(|()| Status::Well),
        false => lessons(&arguments.scenarios, terminal)
            .and_then(|lessons| grade::grade(&lessons, &arguments.grade, terminal)),
    };
    done.unwrap_or_else(|error| {
        terminal.complain(&error);
        Status::Unusable
    })
}

fn made(arguments: &Arguments, terminal: &mut Terminal) -> Result<(), Diagnostic> {
    let Some(path) = &arguments.out else {
        return Ok(());
    };
    let out = OutputDirectory::claim(path, arguments.force)?;
    let lessons = lessons(&arguments.scenarios, terminal)?;
    if lessons.iter().all(|it| it.plan.predict.is_empty()) {
        return Err(Diagnostic::about_file(
            arguments.scenarios.join(" "),
            "none of these asks anything",
        )
        .expected("\"predict:\" in at least one of them"));
    }
    let mut files: Vec<OutputFile> = Vec::new();
    let mut pages = Vec::new();
    for lesson in &lessons {
        for (what, picture) in slides::of(lesson)? {
            let number = pages.len() + 1;
            let svg = to_svg(&picture);
            files.push((
                format!("slides/{number:02}-{}-{what}.svg", lesson.plan.name),
                text(svg.clone()),
            ));
            pages.push(svg);
        }
    }
    files.extend(pdf("slides.pdf", &pages)?);
    let seeds = seeds::given(arguments.students, &lessons, terminal)?;
    files.push(("questions.md".into(), text(paper::questions(&lessons))));
    if arguments.students > 0 {
        files.push(("seeds.csv".into(), text(seeds.list())));
        files.push(("key/answers.csv".into(), text(seeds.answers())));
    }
    let mut figures = Vec::new();
    let mut pages = Vec::new();
    for (number, lesson) in (1..).zip(paper::asking(&lessons)) {
        for (what, picture) in slides::afterwards(lesson)? {
            let file = format!("{number:02}-{}-{what}.svg", lesson.plan.name);
            let svg = to_svg(&picture);
            files.push((format!("key/{file}"), text(svg.clone())));
            figures.push((lesson.plan.name.clone(), what, file));
            pages.push(svg);
        }
    }
    files.extend(pdf("key/slides.pdf", &pages)?);
    files.push((
        "key/key.md".into(),
        text(paper::key(&lessons, &seeds, &figures)?),
    ));
    let names: Vec<String> = files
        .iter()
        .map(|(name, _)| path.join(name).display().to_string())
        .collect();
    out.make()?;
    out.write(None, files)?;
    names.iter().for_each(|name| terminal.line(name));
    Ok(())
}

fn text(text: String) -> Vec<bytes::Bytes> {
    vec![text.into()]
}

#[cfg(feature = "pdf")]
fn pdf(name: &str, pages: &[String]) -> Result<Option<OutputFile>, Diagnostic> {
    let pdf = crate::figure::to_pdf("Kafka on trial", pages);
    let pdf = pdf.map_err(|why| Diagnostic::about_file(name, why))?;
    Ok(Some((name.to_owned(), vec![pdf.into()])))
}

/// It was left out when this program was built.
#[cfg(not(feature = "pdf"))]
fn pdf(_: &str, _: &[String]) -> Result<Option<OutputFile>, Diagnostic> {
    Ok(None)
}

/// In the order in which they are named; those of a folder in its own.
fn lessons(named: &[String], terminal: &mut Terminal) -> Result<Vec<Lesson>, Diagnostic> {
    let mut lessons = Vec::new();
    for argument in named {
        for input in inputs_of(argument) {
            let input = input?;
            let loaded = inputs::load(&input.name, input.bytes, &[])?;
            loaded
                .warnings
                .iter()
                .for_each(|warning| terminal.complain(warning));
            lessons.push(Lesson::new(input.name, loaded.plan));
        }
    }
    Ok(lessons)
}

/// Folders of this program go by their names too, where no file has that name.
fn inputs_of(argument: &str) -> Vec<Result<inputs::Input, Diagnostic>> {
    let in_folder = |path: &str| {
        path.split_once('/')
            .is_some_and(|(folder, _)| folder == argument)
    };
    let mut found = inputs::all(argument);
    if let [Err(_)] = &found[..] {
        let shipped = SHIPPED.iter().filter(|it| in_folder(it.path));
        let shipped: Vec<_> = shipped.map(|it| inputs::shipped_as(it.name())).collect();
        if !shipped.is_empty() {
            found = shipped;
        }
    }
    found
}
