//! `trial predict --stats`: what answers say about the questions.

use super::answers;
use crate::cli::terminal::Terminal;
use crate::plan::misconception;
use crate::protocol::counted;
use crate::report::{Item, Items};
use crate::scenario::Diagnostic;

pub(super) fn tell(files: &[String], terminal: &mut Terminal) -> Result<(), Diagnostic> {
    let mut items = Items::default();
    for file in files {
        for answer in answers::read(file)? {
            items.add(file, answer);
        }
    }
    for item in items.items() {
        one(&item, terminal);
    }
    terminal.line(&format!(
        "{}, {} (first answers of each; {} left out)",
        counted(items.persons(), "person"),
        counted(items.answers(), "answer"),
        items.again()
    ));
    if items.answers() > 0 {
        terminal.line(
            "Difficulty: the part of answers that are right. Discrimination: the point-biserial correlation of an answer's \
             being right with the part that the same person has right of all other questions, from -1 to 1: below 0.2 a \
             question hardly tells who knows from who does not. With fewer than 30 persons both say little.",
        );
    }
    if items.versions().count() > 1 {
        let versions: Vec<&str> = items.versions().collect();
        terminal.line(&format!(
            "Of several versions of trial, whose questions may differ: {}",
            versions.join(", ")
        ));
    }
    Ok(())
}

fn one(item: &Item, terminal: &mut Terminal) {
    let discrimination = match item.discrimination {
        Some(hundredths) => hundredths_text(hundredths),
        None => "none (all alike)".to_owned(),
    };
    terminal.line(&format!(
        "{} {} {}: {}, difficulty {}, discrimination {discrimination}",
        item.scenario,
        item.id,
        item.part,
        counted(item.answers, "answer"),
        hundredths_text(item.difficulty),
    ));
    for (name, times) in &item.misconceptions {
        let explained = misconception(name).unwrap_or("this version does not know it");
        terminal.line(&format!("  {times} x {name}: {explained}"));
    }
}

/// 34 as "0.34".
fn hundredths_text(hundredths: i64) -> String {
    let sign = if hundredths < 0 { "-" } else { "" };
    let size = hundredths.unsigned_abs();
    format!("{sign}{}.{:02}", size / 100, size % 100)
}
