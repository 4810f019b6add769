//! `trial compare`: the same scenario with other settings, side by side.

use super::output_directory::OutputDirectory;
use super::progress::to_the_end;
use super::terminal::Terminal;
use super::{Status, chart, inputs, seeds};
use crate::figure::{Kind, Nothing, Recording, Wanted, side_by_side, to_svg};
use crate::plan::Plan;
use crate::protocol::counted;
use crate::report::{Compared, Tally, comparison, comparison_json};
use crate::run::{Report, Run};
use crate::scenario::{self, Diagnostic};
use crate::trace::{Course, Lines, Observer, Parting};
use clap::{Args, ValueEnum};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Run a scenario with several values of a setting, and show what each run came to and where they part.
///
/// Expectations that do not hold with another value are counted, not held against it: they are what is to be
/// seen. The exit status is 1 if a property broke that must hold in every run, or if a run was stopped before its
/// end.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// A scenario file, the name of a shipped one, or - for standard input
    #[arg(value_name = "SCENARIO")]
    scenario: String,
    /// What to vary: acks=0,1,all. A setting of Kafka is set for all who take it. Of what several kinds take say
    /// whose: clients/request.timeout.ms=1000,2000 for all producers and consumers, or producers/, consumers/,
    /// cluster/ (with brokers and topics); a path as in "trial run" for one place:
    /// topics/trucks_gps/partitions=1,10. Several give every combination; the first run is what
    /// the others are held against
    #[arg(long = "set", value_name = "KEY=VALUE,VALUE...", required = true)]
    sets: Vec<String>,
    /// Use this seed instead of the scenario's
    #[arg(long, allow_hyphen_values = true, value_parser = seeds::one)]
    seed: Option<u64>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Draw this figure of each run, side by side, with the first thing that differs marked; again for several. The
    /// kinds are those of "trial chart"
    #[arg(long = "chart", value_name = "KIND", value_parser = chart::Offered(chart::names_of_one_run), hide_possible_values = true)]
    charts: Vec<String>,
    /// What slices are cut around, as in "trial chart"
    #[arg(long, value_name = "WHAT", requires = "charts")]
    around: Option<String>,
    /// The directory for the figures
    #[arg(long, value_name = "DIR", default_value = "figures")]
    out: PathBuf,
    /// Write into --out though it is there
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum Format {
    /// For people
    Text,
    /// One document
    Json,
}

/// More runs than this make no table that anybody reads.
const MOST_RUNS: usize = 64;
/// And no figures.
const MOST_DRAWN: usize = 4;

pub(super) fn run(arguments: &Arguments, terminal: &mut Terminal) -> Status {
    match compare(arguments, terminal) {
        Ok(status) => status,
        Err(error) => {
            terminal.complain(&error);
            Status::Unusable
        }
    }
}

/// A key, and the values that it is given.
struct Varied {
    key: String,
    /// As `--set` takes them.
    paths: Vec<String>,
    values: Vec<String>,
}

/// Figures of the runs, side by side.
struct Charts {
    kinds: Vec<Kind>,
    wanted: Wanted,
    out: OutputDirectory,
    path: PathBuf,
}

impl Charts {
    /// `None` if nobody asks for any.
    fn claim(arguments: &Arguments) -> Result<Option<Self>, Diagnostic> {
        if arguments.charts.is_empty() {
            return Ok(None);
        }
        let kinds = arguments.charts.iter().map(|it| chart::of_one_run(it));
        let kinds = kinds.collect::<Result<Vec<Kind>, _>>()?;
        let files: Vec<String> = kinds
            .iter()
            .map(|it| format!("{}.svg", it.name()))
            .collect();
        let around = arguments.around.as_deref().map(chart::around).transpose()?;
        let wanted = Wanted {
            around,
            ..Wanted::default()
        };
        Ok(Some(Charts {
            kinds,
            wanted,
            out: OutputDirectory::beside(
                &arguments.out,
                arguments.force,
                files.iter().map(String::as_str),
            )?,
            path: arguments.out.clone(),
        }))
    }

    fn draw(
        &self,
        name: &str,
        keys: &[String],
        jobs: &[Job],
        runs: &[Compared],
        terminal: &mut Terminal,
    ) -> Result<(), Diagnostic> {
        let parted = || runs.iter().filter_map(Compared::parting).map(|it| it.time);
        let mut recordings = Vec::new();
        for (number, (job, run)) in jobs.iter().zip(runs).enumerate() {
            let recording = Recording::of(&job.plan, job.plan.seed);
            let mut recording =
                recording.map_err(|error| Diagnostic::about_file(name, error.to_string()))?;
            recording.parts_at = match number {
                0 => parted().min(),
                _ => run.parting().map(|it| it.time),
            };
            let values = keys.iter().zip(&job.values);
            let named: Vec<String> = values
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            recordings.push((named.join(", "), recording));
        }
        let mut files = Vec::new();
        for kind in &self.kinds {
            let mut pictures = Vec::new();
            for (named, recording) in &recordings {
                let drawn = kind.draw(recording, &self.wanted);
                let picture = drawn.map_err(|Nothing { found, expected }| {
                    let about = format!("--chart {}, {named}", kind.name());
                    Diagnostic::about_file(about, found).expected(expected)
                })?;
                pictures.push((named.clone(), picture));
            }
            let title = recordings.first().map_or("", |(_, it)| it.name.as_str());
            let title = format!("{title}: {} runs side by side", recordings.len());
            let whole = side_by_side(&title, pictures, kind.stand());
            let file = format!("{}.svg", kind.name());
            terminal.line(&format!("\n{}", self.path.join(&file).display()));
            files.push((file, vec![to_svg(&whole).into()]));
        }
        self.out.make()?;
        self.out.write(None, files)
    }
}

/// A run to come.
struct Job {
    values: Vec<String>,
    plan: Plan,
}

fn compare(arguments: &Arguments, terminal: &mut Terminal) -> Result<Status, Diagnostic> {
    let charts = Charts::claim(arguments)?;
    let input = inputs::one(&arguments.scenario)?;
    let varied: Vec<Varied> = (arguments.sets.iter())
        .map(|set| vary(&input, set))
        .collect::<Result<_, _>>()?;
    is_each_place_set_once(&varied)?;
    let jobs = prepare(&input, &varied, arguments.seed, terminal)?;
    let Some(first) = jobs.first() else {
        return Ok(Status::Well);
    };
    let keys: Vec<String> = varied.into_iter().map(|it| it.key).collect();
    if charts.is_some() && jobs.len() > MOST_DRAWN {
        let found = format!("{} runs are more than one figure can hold", jobs.len());
        let expected = format!("{MOST_DRAWN} runs at most with --chart");
        return Err(Diagnostic::about_file("--chart", found).expected(expected));
    }
    let mut course = Course::default();
    let mut runs: Vec<Compared> = Vec::with_capacity(jobs.len());
    for (number, job) in jobs.iter().enumerate() {
        let mut tally = Tally::of(&job.plan);
        let mut beside = None;
        let report = match number {
            0 => play(
                &input.name,
                job,
                &mut (&mut tally, Some(&mut course)),
                terminal,
            )?,
            _ => {
                let mut found = Parting::from(&course);
                let report = play(
                    &input.name,
                    job,
                    &mut (&mut tally, Some(&mut found)),
                    terminal,
                )?;
                beside = Some(found.finish());
                report
            }
        };
        runs.push(Compared {
            values: job.values.clone(),
            figures: tally.finish(&report),
            beside,
            first: Vec::new(),
        });
    }
    // What the first run says at each of these places was not kept: it says it again.
    let says_more = |run: &Compared| run.parting().is_some_and(|parted| parted.place.is_some());
    let mut lines = Lines::at(runs.iter().filter_map(Compared::parting));
    play(&input.name, first, &mut lines, terminal)?;
    let parted = runs.iter_mut().filter(|run| says_more(run));
    for (run, said) in parted.zip(lines.finish()) {
        run.first = said;
    }
    match arguments.format {
        Format::Text => {
            let Plan { name, seed, .. } = &first.plan;
            terminal.line(&format!(
                "{name}, seed {seed}: {}\n",
                counted(runs.len(), "run")
            ));
            terminal.data(&comparison(&keys, &runs));
        }
        Format::Json => {
            let Plan { name, seed, .. } = &first.plan;
            terminal.line(&format!("{:#}", comparison_json(name, *seed, &keys, &runs)));
        }
    }
    if let Some(charts) = charts {
        charts.draw(&input.name, &keys, &jobs, &runs, terminal)?;
    }
    let well = runs.iter().all(|run| run.figures.is_well());
    Ok(if well { Status::Well } else { Status::Failed })
}

/// Of two values for one place the table would name both, and the run would have one.
fn is_each_place_set_once(varied: &[Varied]) -> Result<(), Diagnostic> {
    let mut of_place: BTreeMap<&str, &str> = BTreeMap::new();
    for it in varied {
        for path in &it.paths {
            let place = path.trim_start_matches('+');
            // Whoever sets a map or a list sets all that stands in it.
            let holds = |outer: &str, inner: &str| {
                let below = inner.strip_prefix(outer);
                below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            let mut others = of_place.iter();
            let other = others.find(|(other, _)| holds(other, place) || holds(place, other));
            let other = other.map(|(other, key)| (*other, *key));
            of_place.insert(place, &it.key);
            let Some((other, before)) = other else {
                continue;
            };
            let inner = if other.len() > place.len() {
                other
            } else {
                place
            };
            let found = match before == it.key {
                true => format!("\"{}\" is varied twice", it.key),
                false => format!("\"{before}\" and \"{}\" both set {inner}", it.key),
            };
            return Err(Diagnostic::about_file("--set", found)
                .expected(format!("all values in one: {}=VALUE,VALUE...", it.key)));
        }
    }
    Ok(())
}

/// Everything that can be wrong is told before the first run.
fn prepare(
    input: &inputs::Input,
    varied: &[Varied],
    seed: Option<u64>,
    terminal: &mut Terminal,
) -> Result<Vec<Job>, Diagnostic> {
    let count = varied.iter().try_fold(1, |count: usize, it| {
        Some(count.checked_mul(it.values.len())?).filter(|count| *count <= MOST_RUNS)
    });
    if count.is_none() {
        return Err(
            Diagnostic::about_file("--set", "these make too many combinations")
                .expected(format!("at most {MOST_RUNS} runs")),
        );
    }
    let mut jobs = Vec::new();
    for values in combinations(varied) {
        let mut sets = Vec::new();
        for (it, value) in varied.iter().zip(&values) {
            sets.extend(it.paths.iter().map(|path| format!("{path}={value}")));
        }
        let loaded = inputs::load(&input.name, input.bytes.clone(), &sets)?;
        for warning in &loaded.warnings {
            terminal.complain(warning);
        }
        let mut plan = loaded.plan;
        plan.seed = seed.unwrap_or(plan.seed);
        jobs.push(Job { values, plan });
    }
    Ok(jobs)
}

/// Every combination, that of the first values first; the last key's value changes fastest.
fn combinations(varied: &[Varied]) -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    for it in varied {
        let with = |values: Vec<String>| {
            it.values.iter().map(move |value| {
                let mut values = values.clone();
                values.push(value.clone());
                values
            })
        };
        all = all.into_iter().flat_map(with).collect();
    }
    all
}

fn vary(input: &inputs::Input, set: &str) -> Result<Varied, Diagnostic> {
    let expected = "KEY=VALUE,VALUE..., such as acks=0,1,all";
    let unusable = |found: String| Diagnostic::about_file("--set", found).expected(expected);
    let Some((key, values)) = set.split_once('=') else {
        return Err(unusable(format!("\"{set}\" has no \"=\"")));
    };
    let values = split(values);
    if values.iter().any(|value| value.is_empty()) {
        return Err(unusable(format!("a value is missing in \"{set}\"")));
    }
    Ok(Varied {
        paths: scenario::places_of(&input.name, input.bytes.clone(), key)?,
        key: key.trim_start_matches('+').to_owned(),
        values,
    })
}

/// The values of a list with commas between. A comma in brackets, braces or quotes belongs to its value.
fn split(text: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut open = 0_u32;
    let mut quote = None;
    for c in text.chars() {
        match (c, quote) {
            (c, Some(mark)) if c == mark => quote = None,
            (_, Some(_)) => {}
            ('"' | '\'', None) => quote = Some(c),
            ('[' | '{', None) => open += 1,
            (']' | '}', None) => open = open.saturating_sub(1),
            (',', None) if open == 0 => {
                values.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(value) = values.last_mut() {
            value.push(c);
        }
    }
    let trimmed = values.iter().map(|value| value.trim().to_owned());
    trimmed.collect()
}

fn play(
    file: &str,
    job: &Job,
    observer: &mut impl Observer,
    terminal: &mut Terminal,
) -> Result<Report, Diagnostic> {
    let plan = &job.plan;
    let mut run = Run::start(plan, plan.seed)
        .map_err(|error| Diagnostic::about_file(file.to_owned(), error.to_string()))?;
    run.count_lost();
    let name = format!("{} {}", plan.name, job.values.join(" "));
    to_the_end(&mut run, &name, observer, terminal);
    Ok(run.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_parts_values_unless_something_is_open() {
        assert_eq!(split("0,1, all"), ["0", "1", "all"]);
        assert_eq!(
            split("[broker-1, broker-2],broker-3"),
            ["[broker-1, broker-2]", "broker-3"]
        );
        assert_eq!(split("{a: 1, b: 2}"), ["{a: 1, b: 2}"]);
        assert_eq!(split("'a,b',c"), ["'a,b'", "c"]);
        assert_eq!(split("1,"), ["1", ""]);
    }

    #[test]
    fn every_combination_comes_once() {
        let varied = |values: &[&str]| Varied {
            key: "k".into(),
            paths: Vec::new(),
            values: values.iter().map(ToString::to_string).collect(),
        };
        let all = combinations(&[varied(&["0", "1"]), varied(&["a", "b"])]);
        assert_eq!(all, [["0", "a"], ["0", "b"], ["1", "a"], ["1", "b"]]);
    }
}
