//! `trial tour`: Kafka in five minutes, six steps of a screen or two. A person who has never seen Kafka reads, answers,
//! and sees.
//!
//! All that is shown comes from runs that are played while the person reads: shipped scenarios, and what their own
//! predictions ask. The words around it are for beginners; who coordinates the cluster is left for later.

mod failover;
mod knob;
mod one_record;
mod question;
mod trucks;

use super::ask;
use super::page::Page;
use super::predict::Reader;
use super::terminal::Terminal;
use super::{Status, inputs};
use crate::plan::Plan;
use crate::scenario::Diagnostic;
use clap::Args;

/// See Kafka for the first time: five minutes, six steps, played before your eyes. Enter goes on, q ends.
#[derive(Args, Debug)]
pub(super) struct Arguments {}

pub(super) fn run(_: &Arguments, terminal: &mut Terminal) -> Status {
    let mut guide = Guide {
        reader: Reader::default(),
        terminal,
    };
    match tour(&mut guide) {
        Ok(walked) => {
            if let Some(why) = guide.reader.failed {
                terminal.complain(&Diagnostic::about_file("standard input", why));
                return Status::Unusable;
            }
            if walked.is_none() {
                terminal.line("\nThe tour ends here. trial tour begins it again.");
            }
            Status::Well
        }
        Err(error) => {
            terminal.complain(&error);
            Status::Unusable
        }
    }
}

/// Who leads through the tour: what is shown, and what is answered.
struct Guide<'a> {
    reader: Reader,
    terminal: &'a mut Terminal,
}

impl Guide<'_> {
    /// None if the person does not want to go on.
    fn show(&mut self, page: &Page) -> Option<()> {
        ask::show(page, self.terminal);
        ask::goes_on(&mut self.reader, self.terminal).then_some(())
    }

    fn ask(&mut self, page: &Page, count: usize) -> Option<usize> {
        ask::show(page, self.terminal);
        ask::chosen(count, &mut self.reader, self.terminal)
    }
}

/// The inner value is none where the person ended it.
fn tour(guide: &mut Guide<'_>) -> Result<Option<()>, Diagnostic> {
    let trucks = trucks::page(&shipped(
        "first-steps",
        &["topics/trucks_gps/partitions=3"],
    )?)?;
    if guide.show(&trucks).is_none() {
        return Ok(None);
    }
    let crash = failover::Played::before(&shipped("leader-crash", &[])?)?;
    if guide.show(&one_record::page(crash.facts())?).is_none() {
        return Ok(None);
    }
    if failover::steps(crash, guide)?.is_none() || knob::steps(guide)?.is_none() {
        return Ok(None);
    }
    ask::show(&yours(), guide.terminal);
    Ok(Some(()))
}

/// A scenario of this program, with some values changed.
fn shipped(name: &str, sets: &[&str]) -> Result<Plan, Diagnostic> {
    let input = inputs::shipped_as(name)?;
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    Ok(inputs::load(&input.name, input.bytes, &sets)?.plan)
}

/// A run without what a step is about.
fn nothing_of(what: &str) -> Diagnostic {
    Diagnostic::about_file("trial tour", format!("the run has no {what}"))
}

fn yours() -> Page {
    let mut page = Page::titled("6 of 6: yours now");
    page.text(
        "What you saw is a scenario: a text file that says which brokers, trucks and faults there are. About a hundred are \
         in this program. Look at the crash again, moment by moment, in a browser:",
    );
    page.gap();
    page.line("  trial play leader-crash           writes leader-crash.html; open it at");
    page.line("                                    leader-crash.html#t=30, when the leader dies");
    page.line("  trial predict acks-1-loss         more questions, one run at a time");
    page.line("  trial scenarios                   all scenarios, in the order of a course");
    page.gap();
    page.text("Then write your own, change it, and play it:");
    page.gap();
    page.line("  trial new mine                    writes mine.yaml, small and with comments");
    page.line("  trial run mine.yaml               plays it, and says what held and what not");
    page.gap();
    page.text("The book, in book/src, begins where this tour began: course/01-what-is-kafka.md.");
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn what_is_offered_at_the_end_are_commands() {
        let page = yours();
        let offered = page
            .lines()
            .iter()
            .filter_map(|line| line.strip_prefix("  trial "));
        let mut count = 0;
        for line in offered {
            let words = line.split("  ").next().unwrap_or_default().split(' ');
            let parsed = crate::cli::Arguments::try_parse_from(["trial"].into_iter().chain(words));
            assert!(parsed.is_ok(), "{line}");
            count += 1;
        }
        assert!(count > 3, "{count}");
    }
}
