//! One record's way through a cluster, a line a station: its objects and bytes, its partition and why, its batch, the
//! leader's log, each replica, the commit, the acknowledgement, its readers, what they did with it, and their commits;
//! or where it was lost, refused or could not be read, and why.
//!
//! The run is played twice: first to learn which record is meant, then to look at logs on disk at the moments
//! when it comes and goes. Nothing of a long trace has to be kept.
//!
//! May not know more than facts and their causes, and the bytes that lie on brokers' disks.

mod ending;
mod producing;
mod reading;
mod search;
mod stored;
mod storing;
pub(super) mod wanted;
mod what;
mod words;

use crate::kernel::Time;
use crate::node::view::ClusterView;
use crate::plan::Plan;
use crate::protocol::{RecordId, TopicPartition};
use crate::run::{Run, Unbuildable};
use crate::trace::{Keep, TraceEntry};
use producing::Producing;
use reading::Reading;
use search::{Found, Search};
use std::rc::Rc;
pub(crate) use stored::batches as stored_batches;
use storing::Storing;
use wanted::Wanted;

/// A record's way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Journey {
    pub record: RecordId,
    /// What it is, a line each.
    pub what: Vec<String>,
    pub stations: Vec<Station>,
    /// What has become of it.
    pub end: Vec<String>,
}

/// Something that happened to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Station {
    pub time: Time,
    pub node: Rc<str>,
    pub what: String,
}

/// Why there is nothing to follow.
#[derive(Debug)]
pub enum NoJourney {
    Unbuildable(Unbuildable),
    /// There is no such record, or there are several; what there is.
    NotOne {
        found: String,
        expected: String,
    },
}

/// Follows one record of a run.
///
/// # Errors
/// A plan that cannot be run, or a record that is not made in it.
pub fn follow(plan: &Plan, seed: u64, wanted: &Wanted) -> Result<Journey, NoJourney> {
    let start = || Run::start(plan, seed).map_err(NoJourney::Unbuildable);
    let mut search = Search::new(plan, wanted);
    let mut run = start()?;
    run.keep(Keep::Nothing);
    run.until_watched(run.end(), &mut search);
    let found = search.finish(&run.view())?;

    let mut run = start()?;
    run.keep(Keep::Nothing);
    run.keep_causes();
    let mut walk = Walk::new(plan, found);
    let end = run.end();
    while run.now() <= end && run.step() {
        // What the step has stated is all that there is.
        let (stated, causes) = (run.trace().to_vec(), run.causes());
        let view = run.view();
        causes.iter().for_each(|cause| walk.cause(cause, &view));
        for entry in stated.iter().filter(|entry| entry.time <= end) {
            walk.fact(entry, &view);
        }
    }
    Ok(walk.finish(&run.view()))
}

struct Walk<'a> {
    plan: &'a Plan,
    found: Found,
    what: Vec<String>,
    stations: Vec<Station>,
    made: Producing,
    kept: Storing,
    read: Reading,
}

impl<'a> Walk<'a> {
    fn new(plan: &'a Plan, found: Found) -> Self {
        Walk {
            plan,
            found,
            what: Vec::new(),
            stations: Vec::new(),
            made: Producing::default(),
            kept: Storing::default(),
            read: Reading::of(plan),
        }
    }

    fn record(&self) -> &RecordId {
        &self.found.made.record
    }

    /// Facts of this partition are of concern.
    fn is_at(&self, partition: &TopicPartition) -> bool {
        self.made.partition.as_ref() == Some(partition)
    }

    fn fact(&mut self, entry: &TraceEntry, view: &dyn ClusterView) {
        self.fact_of_producer(entry, view);
        self.fact_of_broker(entry, view);
        self.fact_of_reader(entry);
    }

    fn says(&mut self, entry: &TraceEntry, what: String) {
        self.says_since(entry.time, &entry.node, what);
    }

    /// Of something that began before it was stated.
    fn says_since(&mut self, time: Time, node: &Rc<str>, what: String) {
        let behind = self.stations.iter().rposition(|it| it.time <= time);
        let station = Station {
            time,
            node: node.clone(),
            what,
        };
        self.stations
            .insert(behind.map_or(0, |place| place + 1), station);
    }
}
