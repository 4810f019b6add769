//! Figures of several runs of one scenario, with other settings each: what a single run cannot show.

#[cfg(feature = "charts")]
mod scaling;

mod acks;

use super::Picture;
use crate::plan::Plan;
use crate::report::Tally;
use crate::run::{Run, Unbuildable};
use crate::trace::{Keep, Observer, TraceEntry};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Several {
    Acks,
    #[cfg(feature = "charts")]
    Scaling,
}

/// Keys and values that are set for one of the runs, as `trial compare --set` takes them.
pub type Settings = &'static [(&'static str, &'static str)];

impl Several {
    pub const ALL: &'static [Several] = &[
        Several::Acks,
        #[cfg(feature = "charts")]
        Several::Scaling,
    ];

    /// As `--kind` names it, and as its file is called.
    pub const fn name(self) -> &'static str {
        match self {
            Several::Acks => "acks",
            #[cfg(feature = "charts")]
            Several::Scaling => "scaling",
        }
    }

    /// What it shows, in a sentence.
    pub const fn about(self) -> &'static str {
        match self {
            Several::Acks => {
                "What became of all records with each acks and min.insync.replicas: plays 9 runs"
            }
            #[cfg(feature = "charts")]
            Several::Scaling => {
                "Records acknowledged in a second over partitions, and over brokers: plays 9 runs"
            }
        }
    }

    /// The runs that it needs.
    pub const fn runs(self) -> &'static [Settings] {
        match self {
            Several::Acks => acks::RUNS,
            #[cfg(feature = "charts")]
            Several::Scaling => scaling::RUNS,
        }
    }

    /// Draws what they came to, given in the order of `runs`.
    pub fn draw(self, name: &str, played: &[Played]) -> Picture {
        match self {
            Several::Acks => acks::picture(name, played),
            #[cfg(feature = "charts")]
            Several::Scaling => scaling::picture(name, played),
        }
    }
}

/// What a run came to, in numbers that may go from one thread to another.
pub struct Played {
    created: u64,
    acknowledged: u64,
    /// With acks=0, of which nobody hears again.
    sent: u64,
    failed: u64,
    lost: u64,
    /// Batches.
    refused: u64,
    /// In nanoseconds, of what was acknowledged.
    p99: Option<u64>,
    /// Records that were acknowledged in the second in which most were.
    #[cfg_attr(not(feature = "charts"), expect(dead_code))]
    best_second: u64,
}

impl Played {
    /// Plays one of the runs.
    ///
    /// # Errors
    /// A plan that cannot be run.
    pub fn of(plan: &Plan, seed: u64) -> Result<Played, Unbuildable> {
        let mut counted = Counted {
            tally: Tally::of(plan),
            seconds: Vec::new(),
        };
        let mut run = Run::start(plan, seed)?;
        run.keep(Keep::Nothing);
        run.count_lost();
        run.until_watched(run.end(), &mut counted);
        let best_second = counted.seconds.into_iter().max().unwrap_or(0);
        let figures = counted.tally.finish(&run.finish());
        Ok(Played {
            created: figures.totals.created,
            acknowledged: figures.totals.acknowledged,
            sent: figures.totals.sent,
            failed: figures.totals.failed,
            lost: figures.lost,
            refused: figures.refused,
            p99: figures.p99,
            best_second,
        })
    }
}

struct Counted {
    tally: Tally,
    /// Acknowledged in each second.
    seconds: Vec<u64>,
}

impl Observer for Counted {
    fn fact(&mut self, entry: &TraceEntry) {
        self.tally.fact(entry);
        if let crate::protocol::Fact::Acked { offset: 0.., .. } = entry.fact {
            let second = usize::try_from(entry.time.0 / 1_000_000_000).unwrap_or(0);
            if self.seconds.len() <= second {
                self.seconds.resize(second + 1, 0);
            }
            self.seconds[second] += 1;
        }
    }
}
