//! What a campaign leaves behind: a directory, and a text for who started it.

use crate::campaign::coverage::{CELLS, cell_name};
use crate::campaign::shrink::{Progress, shrink};
use crate::campaign::{Findings, Group, Kind, Target, failing_plan, situations};
use crate::cli::output_directory::OutputDirectory;
use crate::cli::terminal::Terminal;
use crate::protocol::counted;
use crate::report::OutputFile;
use crate::scenario::{Diagnostic, to_yaml};
use std::fs;
use std::path::{Path, PathBuf};

/// `--out`
pub(super) struct Results {
    directory: OutputDirectory,
    path: PathBuf,
}

const CAMPAIGN: &str = "campaign.json";

impl Results {
    /// Refuses what is there, unless it is to be gone on with or written over.
    pub(super) fn claim(path: &Path, force: bool, resume: bool) -> Result<Self, Diagnostic> {
        let directory = OutputDirectory::claim(path, force || resume)?;
        Ok(Results {
            directory,
            path: path.to_path_buf(),
        })
    }

    /// What the campaign came to before; what there was of another is refused.
    pub(super) fn earlier(&self, new: Findings) -> Result<Findings, Diagnostic> {
        let path = self.path.join(CAMPAIGN);
        if !path.exists() {
            return Ok(new);
        }
        let earlier = super::known::read(&path)?;
        let same = (&earlier.target, &earlier.version, earlier.asked)
            == (&new.target, &new.version, new.asked);
        if same {
            return Ok(earlier);
        }
        let found = format!(
            "this is another campaign: {}, seeds {} to {}, version {}",
            earlier.target,
            earlier.asked.0,
            earlier.asked.1 - 1,
            earlier.version
        );
        let expected = format!(
            "{}, seeds {} to {}, version {}",
            new.target,
            new.asked.0,
            new.asked.1 - 1,
            new.version
        );
        Err(Diagnostic::about_file(path.display().to_string(), found).expected(expected))
    }

    /// Keeps what was found so far.
    pub(super) fn keep(&self, findings: &Findings) -> Result<(), Diagnostic> {
        self.write([(CAMPAIGN.into(), findings.to_json())])
    }

    /// Writes all: the result, and a failing plan of each group.
    pub(super) fn finish(
        &self,
        target: &Target,
        findings: &Findings,
        shrinks: bool,
        terminal: &mut Terminal,
    ) -> Result<(), Diagnostic> {
        self.keep(findings)?;
        for (kind, group) in findings.ranked() {
            let example = &group.smallest;
            let mut plan = failing_plan(target, example.seed, &example.failure);
            if shrinks {
                let mut tell = |progress: Progress| {
                    terminal.status(&format!(
                        "shrinking {}: {}, {} left",
                        kind.broken,
                        progress.phase,
                        counted(progress.size as u64, "fault")
                    ));
                };
                plan = shrink(&plan, example.seed, &kind.broken, &mut tell);
                terminal.clear_status();
            }
            self.write([(file(kind, group), to_yaml(&plan))])?;
        }
        Ok(())
    }

    /// The same, from the files of the parts.
    pub(super) fn put_together(
        &self,
        findings: &Findings,
        parts: &[PathBuf],
    ) -> Result<(), Diagnostic> {
        let mut files = vec![(CAMPAIGN.to_owned(), findings.to_json())];
        for (kind, group) in findings.ranked() {
            let name = file(kind, group);
            let there = parts.iter().map(|part| match part.is_dir() {
                true => part.join(&name),
                false => part.with_file_name(&name),
            });
            // Parts of which only the result was kept have none.
            let text = there
                .filter_map(|path| fs::read_to_string(path).ok())
                .next();
            files.extend(text.map(|text| (name, text)));
        }
        self.write(files)
    }

    fn write(&self, files: impl IntoIterator<Item = (String, String)>) -> Result<(), Diagnostic> {
        self.directory.make()?;
        let files = files.into_iter();
        let files = files.map(|(name, text)| -> OutputFile { (name, vec![text.into()]) });
        self.directory.write(None, files)
    }
}

/// The file of a group's smallest plan.
fn file(kind: &Kind, group: &Group) -> String {
    let plain = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_lowercase(),
        false => '-',
    };
    let mut name: String = kind.broken.chars().map(plain).collect();
    while name.contains("--") {
        name = name.replace("--", "-");
    }
    name.truncate(48);
    let name = name.trim_matches('-');
    format!("failures/{name}-seed-{}.yaml", group.smallest.seed)
}

/// Says what a campaign came to.
pub(super) fn tell(
    findings: &Findings,
    results: Option<&Results>,
    known: Option<&Findings>,
    terminal: &mut Terminal,
) {
    let ranges: Vec<String> = findings
        .played
        .ranges()
        .iter()
        .map(|(first, behind)| match behind - first {
            1 => first.to_string(),
            _ => format!("{first} to {}", behind - 1),
        })
        .collect();
    terminal.line(&format!(
        "{}: seeds {}, {}, {} events",
        findings.target,
        match ranges.is_empty() {
            true => "none".into(),
            false => ranges.join(", "),
        },
        counted(findings.runs(), "run"),
        findings.events
    ));
    for (limit, count) in &findings.limits {
        terminal.line(&format!(
            "{} as in Kafka until somebody helped: {}",
            match count {
                1 => "1 run waited".to_owned(),
                _ => format!("{count} runs waited"),
            },
            limit.says()
        ));
    }
    let idle = findings.idle.iter();
    let idle = idle.filter(|(_, count)| **count == findings.runs());
    let idle: Vec<&str> = idle.map(|(property, _)| property.as_str()).collect();
    if !idle.is_empty() {
        terminal.line(&format!(
            "nothing to look at in any run: {}",
            idle.join("; ")
        ));
    }
    tell_sightings(findings, terminal);
    let failed = findings.failed();
    if failed == 0 {
        terminal.line("nothing failed");
    } else {
        terminal.line(&format!(
            "FAILED: {} of {}, in {}",
            failed,
            counted(findings.runs(), "run"),
            counted(findings.groups.len() as u64, "way")
        ));
    }
    for (number, (kind, group)) in (1..).zip(findings.ranked()) {
        let shown = match kind.fact.as_str() {
            "" => "at the end".into(),
            fact => format!("shown by {fact}"),
        };
        let news = known.map_or("", |it| match it.groups.contains_key(kind) {
            true => ", known",
            false => ", new",
        });
        terminal.line("");
        terminal.line(&format!("{number}. {} ({shown}{news})", kind.broken));
        let example = &group.smallest;
        terminal.line(&format!(
            "   {}, the first with seed {}; the smallest: seed {}, {}",
            counted(group.count, "run"),
            group.first_seed,
            example.seed,
            counted(example.size as u64, "fault")
        ));
        let at = example.failure.at.map_or(String::new(), |at| {
            let millis = at.0 / 1_000_000;
            format!("at {}.{:03} s: ", millis / 1_000, millis % 1_000)
        });
        terminal.line(&format!("   {at}{}", example.failure.says));
        if let Some(results) = results {
            let file = results.path.join(file(kind, group));
            terminal.line(&format!("   trial run {}", file.display()));
        }
    }
    let gone = known.iter().flat_map(|it| it.groups.keys());
    for kind in gone.filter(|kind| !findings.groups.contains_key(kind)) {
        terminal.line(&format!("gone: {}", kind.broken));
    }
    if failed > 0 && results.is_none() {
        terminal.note("with --out DIR each of these is written as a scenario");
    }
}

/// What was seen, and whether it was enough.
fn tell_sightings(findings: &Findings, terminal: &mut Terminal) {
    let sightings = &findings.sightings;
    let came: Vec<_> = situations::all().zip(&sightings.situations).collect();
    let (reached, never): (Vec<_>, Vec<_>) = came.iter().partition(|(_, came)| came.reached > 0);
    terminal.line(&format!(
        "situations reached: {} of {}",
        reached.len(),
        came.len()
    ));
    for (situation, came) in never {
        terminal.line(&format!(
            "  not reached, best {} of {}: {}",
            came.best,
            situation.steps.len(),
            situation.name
        ));
    }
    let runs = findings.runs();
    let thousandths = sightings.surprising() * 1_000 / runs.max(1);
    terminal.line(&format!(
        "abstract states: {}; the chance that the next seed shows a new one: {}.{} % (Good-Turing: {} of {} had one that no other had)",
        sightings.states.len(),
        thousandths / 10,
        thousandths % 10,
        counted(sightings.surprising(), "seed"),
        runs
    ));
    if let (Some((first, _)), Some((_, behind))) = (
        findings.played.ranges().first(),
        findings.played.ranges().last(),
    ) {
        let tenth = |part: u64| first + (behind - first) * part / 10;
        let seeds: Vec<u64> = (1..=10).map(tenth).collect();
        let known = sightings.known_before(&seeds);
        let known: Vec<String> = known.iter().map(u64::to_string).collect();
        terminal.line(&format!(
            "  known after each tenth of the seeds: {}",
            known.join(", ")
        ));
    }
    tell_cells(&sightings.never(), terminal);
}

/// Faults by the phases into which they never fell.
fn tell_cells(never: &[u16], terminal: &mut Terminal) {
    let mut by_fault: Vec<(&str, Vec<&str>)> = Vec::new();
    for cell in never {
        let (fault, phase) = cell_name(*cell);
        match by_fault.last_mut() {
            Some((last, phases)) if *last == fault => phases.push(phase),
            _ => by_fault.push((fault, vec![phase])),
        }
    }
    terminal.line(&format!(
        "faults in phases: {} of {} pairs",
        usize::from(CELLS) - never.len(),
        CELLS
    ));
    for (fault, phases) in by_fault {
        terminal.line(&format!("  {fault} never met: {}", phases.join(", ")));
    }
}
