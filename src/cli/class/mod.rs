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
use super::{Status, inputs, lists};
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
    /// Scenario files, directories of them, names of shipped ones, or of their folders, such as 10-acks; without any, list
    /// those that ask
    #[arg(value_name = "SCENARIO|FOLDER")]
    scenarios: Vec<String>,
    /// The directory for all of it; the key goes into key/, so that the rest can be handed out
    #[arg(long, value_name = "DIR", requires = "scenarios")]
    out: Option<PathBuf>,
    /// Write into --out though it is there
    #[arg(long)]
    force: bool,
    /// A seed for each of so many students (seeds.csv), and what the run of each comes to (key/answers.csv)
    #[arg(long, value_name = "COUNT", default_value_t = 0, allow_hyphen_values = true, value_parser = clap::value_parser!(u32).range(0..=500))]
    students: u32,
    /// Grade files that "trial predict --out" has written: each answer is held against the run of its seed. The exit status is
    /// 0 if all is answered and right, else 1. With scenarios, all questions of these must be answered; without, those of each
    /// that a person has begun. Once for each FILE; what else is named and ends with .jsonl is such a file too
    #[arg(long, value_name = "FILE", conflicts_with_all = ["out", "students", "force"])]
    grade: Vec<String>,
}

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Status {
    let done = match arguments.grade.is_empty() {
        true if arguments.scenarios.is_empty() => {
            lists::that_ask(terminal);
            Ok(Status::Well)
        }
        true => made(arguments, terminal).map(|()| Status::Well),
        false => grade(arguments, terminal),
    };
    done.unwrap_or_else(|error| {
        terminal.complain(&error);
        Status::Unusable
    })
}

/// A shell makes several names of `--grade *.jsonl`: those are answers as well, and no scenarios.
fn grade(arguments: &Arguments, terminal: &mut Terminal) -> Result<Status, Diagnostic> {
    let is_answers = |name: &&String| name.ends_with(".jsonl");
    let (more, scenarios): (Vec<&String>, Vec<&String>) =
        arguments.scenarios.iter().partition(is_answers);
    let files: Vec<String> = arguments.grade.iter().chain(more).cloned().collect();
    grade::grade(&lessons(scenarios, terminal)?, &files, terminal)
}

fn made(arguments: &Arguments, terminal: &mut Terminal) -> Result<(), Diagnostic> {
    let claim = |path: &PathBuf| OutputDirectory::claim(path, arguments.force);
    let out = arguments.out.as_ref().map(claim).transpose()?;
    let lessons = lessons(&arguments.scenarios, terminal)?;
    if lessons.iter().all(|it| it.plan.predict.is_empty()) {
        let first = lessons.first().map_or("", |it| it.plan.name.as_str());
        return Err(Diagnostic::about_file(
            arguments.scenarios.join(" "),
            "none of these asks anything",
        )
        .expected(lists::one_that_asks(first)));
    }
    let (Some(path), Some(out)) = (&arguments.out, out) else {
        return Err(
            Diagnostic::about_file("trial class", "it is not said where to write")
                .expected("--out DIR, or --grade FILE for answers that are there"),
        );
    };
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
fn lessons<'a>(
    named: impl IntoIterator<Item = &'a String>,
    terminal: &mut Terminal,
) -> Result<Vec<Lesson>, Diagnostic> {
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

const EXPECTED: &str = "a scenario file, a directory of such files, or a name or folder that \"trial scenarios\" lists";

/// Folders of this program go by their names too, where no file has that name.
fn inputs_of(argument: &str) -> Vec<Result<inputs::Input, Diagnostic>> {
    let in_folder = |path: &str| {
        path.split_once('/')
            .is_some_and(|(folder, _)| folder == argument)
    };
    let mut found = inputs::all(argument);
    if let [Err(error)] = &mut found[..] {
        let shipped = SHIPPED.iter().filter(|it| in_folder(it.path));
        let shipped: Vec<_> = shipped.map(|it| inputs::shipped_as(it.name())).collect();
        match shipped.is_empty() {
            false => found = shipped,
            true if error.expected.as_deref() == Some(inputs::SCENARIO) => {
                *error = error.clone().expected(EXPECTED);
            }
            true => {}
        }
    }
    found
}
