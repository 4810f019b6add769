//! Which clock each time-out follows in a whole run. Every row of book/src/clocks.md has a short plan here, which
//! is run three times: as it is, with a clock set forward by ten seconds while the time-out lasts, and with it set
//! back. What the wall clock measures ends so much earlier and later; what the monotonic clock measures ends as
//! ever.

mod brokers;
mod clients;
mod upkeep;
mod zookeeper;

use kafka_trial::kernel::{Cause, Duration, Fault, NodeId, Time};
use kafka_trial::node::Observed;
use kafka_trial::run::Run;
use kafka_trial::scenario::load;
use kafka_trial::trace::{CauseEntry, Observer, TraceEntry};
use std::collections::{BTreeMap, BTreeSet};

/// By how much clocks are set.
const JUMP_S: u64 = 10;
/// Looks by timer, work and the next record lie between the end of a time-out and what shows it.
const SLACK_MS: u64 = 3_000;
/// No time-out of these plans lasts longer.
const LONGEST_S: u64 = 150;
/// How often a run is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The administrator's machine, which no plan can name.
const ADMIN: &str = "admin";

/// What a time-out follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Clock {
    Wall,
    /// The wall clock, which a thread looks at only when it wakes, and it sleeps by the monotonic one. Set forward,
    /// it changes nothing.
    WallOnWaking,
    Monotonic,
}

/// A time-out that runs while the clock of a machine is set.
struct Case {
    /// What it is, as its row of the page has it.
    what: &'static str,
    setting: &'static str,
    clock: Clock,
    /// Whose clock is set, and when.
    jumps: &'static str,
    at_s: u64,
    scenario: &'static str,
    /// What shows that the time-out has ended: the first such after the jump.
    shows: Sign,
}

enum Sign {
    Fact(fn(&TraceEntry) -> bool),
    /// A packet reaches this node.
    Packet(&'static str),
    /// The cluster looks like this.
    State(fn(Observed<'_>) -> bool),
    /// There are more or fewer connections than at the jump.
    Connections,
    /// Nothing of the kind may ever happen.
    Never(fn(&TraceEntry) -> bool),
}

impl Case {
    /// What is wrong, if it does not.
    fn follows_its_clock(&self) -> Result<(), String> {
        let jump = JUMP_S as i64;
        let ends = [0, jump, -jump].map(|by_s| self.ends(by_s));
        let [usual, early, late] = ends;
        let wanted = usual.map(|usual| match self.clock {
            Clock::Monotonic => (usual, usual),
            Clock::WallOnWaking => (usual, usual + JUMP_S * 1_000),
            Clock::Wall => {
                let early = usual.saturating_sub(JUMP_S * 1_000);
                (early.max(self.at_s * 1_000), usual + JUMP_S * 1_000)
            }
        });
        let near = |found: Option<u64>, wanted: u64| {
            found.is_some_and(|found| found.abs_diff(wanted) <= SLACK_MS)
        };
        let never = matches!(self.shows, Sign::Never(_));
        match wanted {
            None if never && ends == [None; 3] => Ok(()),
            Some(wanted) if !never && near(early, wanted.0) && near(late, wanted.1) => Ok(()),
            _ => Err(format!(
                "{}: as it is, set forward, set back: {ends:?} ms",
                self.name()
            )),
        }
    }

    /// When the time-out ends if the clock is set by so much.
    fn ends(&self, by_s: i64) -> Option<u64> {
        let in_plan = by_s != 0 && self.jumps != ADMIN;
        let jump = in_plan.then_some(Jump {
            names: self.jumps,
            at_s: self.at_s,
            by_s,
        });
        let mut run = start(self.scenario, jump, &self.name());
        run.keep_causes();
        let at = Time::ZERO + Duration::from_secs(self.at_s);
        run.until(at);
        if self.jumps == ADMIN {
            let mut nodes = run.view().layout.everyone().into_iter();
            let is_admin = |node: &NodeId| **run.view().kernel.name(*node) == *ADMIN;
            let node = nodes.find(is_admin).expect("the plan asks for something");
            let by_ms = by_s * 1_000;
            run.fault(Fault::ClockJump { node, by_ms }, None);
        }
        let connections = run.view().kernel.connections();
        let mut found = Found {
            sign: &self.shows,
            time: None,
        };
        let mut time = at;
        while time < run.end() {
            time += LOOK_EVERY;
            run.until_watched(time, &mut found);
            assert!(!run.is_over(), "{}: a property broke", self.name());
            let seen = match self.shows {
                Sign::State(looks_so) => looks_so(run.view()),
                Sign::Connections => run.view().kernel.connections() != connections,
                _ => false,
            };
            if seen || found.time.is_some() {
                return Some(found.time.unwrap_or(time).as_millis());
            }
        }
        None
    }

    fn name(&self) -> String {
        format!("{} ({})", self.what, self.setting)
    }
}

/// The clocks of these nodes, separated by commas, are set.
struct Jump<'a> {
    names: &'a str,
    at_s: u64,
    by_s: i64,
}

fn start(scenario: &str, jump: Option<Jump<'_>>, name: &str) -> Run {
    let mut text = format!(
        "format: 1\nname: test\nabout: A clock is set.\nduration: {LONGEST_S}s\n{scenario}"
    );
    if let Some(Jump { names, at_s, by_s }) = jump {
        if !scenario.contains("timeline:") {
            text += "timeline:\n";
        }
        text += &format!("  - {{at: {at_s}s, jump clock: [{names}], by: {by_s}s}}\n");
    }
    let loaded = load("test.yaml", text.into_bytes(), &[]);
    let plan = loaded
        .unwrap_or_else(|error| panic!("{name}: {error}"))
        .plan;
    Run::start(&plan, 1).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Looks out for the sign.
struct Found<'a> {
    sign: &'a Sign,
    time: Option<Time>,
}

impl Observer for Found<'_> {
    fn fact(&mut self, entry: &TraceEntry) {
        if let Sign::Fact(is_it) | Sign::Never(is_it) = self.sign
            && is_it(entry)
        {
            self.time.get_or_insert(entry.time);
        }
    }

    fn cause(&mut self, entry: &CauseEntry) {
        if let Sign::Packet(node) = self.sign
            && *entry.node == **node
            && matches!(entry.cause, Cause::Packet { .. })
        {
            self.time.get_or_insert(entry.time);
        }
    }
}

/// The content of a file of broker 1, if it is there.
fn file(view: Observed<'_>, path: &str) -> Option<String> {
    let disk = view.kernel.disk(view.layout.brokers[&1]);
    let (_, file) = disk.files().into_iter().find(|(found, _)| found == path)?;
    let bytes: Vec<u8> = disk.peek(file).concat();
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn any_file(view: Observed<'_>, is_it: impl Fn(&str) -> bool) -> bool {
    let disk = view.kernel.disk(view.layout.brokers[&1]);
    disk.files().iter().any(|(path, _)| is_it(path))
}

fn cases() -> Vec<Case> {
    let groups = [
        clients::cases(),
        brokers::cases(),
        upkeep::cases(),
        zookeeper::cases(),
    ];
    groups.into_iter().flatten().collect()
}

/// A row of the page: what, the settings, the clock.
struct Row<'a> {
    what: &'a str,
    settings: Vec<&'a str>,
    clock: &'a str,
}

fn rows(page: &str) -> Vec<Row<'_>> {
    let rows = page.lines().filter(|line| line.starts_with("| "));
    rows.filter_map(|line| {
        let cells = line.trim_matches('|').split('|').map(str::trim);
        let cells: Vec<&str> = cells.collect();
        let [what, settings, clock] = cells[..] else {
            return None;
        };
        let is_row = clock.starts_with("wall") || clock.starts_with("monotonic");
        let settings = settings.split('`').skip(1).step_by(2).collect();
        is_row.then_some(Row {
            what,
            settings,
            clock,
        })
    })
    .collect()
}

#[test]
fn each_row_of_the_page_has_a_plan_of_its_clock_for_each_of_its_settings() {
    let cases = cases();
    let page = include_str!("../../book/src/clocks.md");
    let rows = rows(page);
    let by_hand = [brokers::LOOK, zookeeper::TIMES_OF_NODES];
    let mut tried: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for case in &cases {
        tried.entry(case.what).or_default().insert(case.setting);
        let row = rows.iter().find(|row| row.what == case.what);
        let row = row.unwrap_or_else(|| panic!("{}: the page does not know it", case.what));
        let is_of_wall = case.clock != Clock::Monotonic;
        assert_eq!(row.clock.starts_with("wall"), is_of_wall, "{}", case.name());
    }
    assert!(rows.len() > 30, "the table is read");
    for row in rows {
        if by_hand.contains(&row.what) {
            continue;
        }
        let found = tried.get(row.what);
        let found = found.unwrap_or_else(|| panic!("{}: no plan", row.what));
        let missing = row.settings.iter().find(|it| !found.contains(*it));
        assert_eq!(missing, None, "{}: a setting without a plan", row.what);
    }
}

fn all_follow_their_clocks(cases: &[Case]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| case.follows_its_clock().err())
        .collect();
    assert!(wrong.is_empty(), "another clock:\n{}", wrong.join("\n"));
}

#[test]
fn clients_follow_the_wall_clock_but_for_room_in_a_buffer() {
    all_follow_their_clocks(&clients::cases());
}

#[test]
fn brokers_towards_others_follow_the_clocks_of_their_threads() {
    all_follow_their_clocks(&brokers::cases());
}

#[test]
fn brokers_look_at_age_by_the_wall_clock_and_now_and_then_by_the_monotonic_one() {
    all_follow_their_clocks(&upkeep::cases());
}

#[test]
fn zookeeper_and_its_clients_follow_the_monotonic_clock() {
    all_follow_their_clocks(&zookeeper::cases());
}
