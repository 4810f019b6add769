//! ZooKeeper's tree at a moment: what each node says, which session an ephemeral one hangs on and how long that has left,
//! and who watches what. An eye is a watch: filled where a server will tell, hollow where a client counts on being told
//! and no server knows of it. That is so for a moment after each event, and for as long as a client has no server.
//!
//! Looked at from outside, as no process could: the tree is what the most advanced server holds.

mod tree;

use super::picture::{Anchor, Picture, Point, Shape, Style};
use super::why::why;
use super::words::{lasted, moment};
use super::{Nothing, Recording, Wanted, letters};
use crate::kernel::Time;
use crate::node::view::{
    ZooKeeperRole, ZooKeeperServerView, ZooKeeperSessionView, ZooKeeperView, ZooKeeperWatchView,
};
use crate::protocol::Fact;
use crate::protocol::counted;
use crate::protocol::zookeeper::SessionId;
use std::collections::{BTreeMap, BTreeSet};
use tree::{Row, What};

const ROW: i32 = 18;
const INDENT: i32 = 18;
/// Left edges: of names, of what nodes say, of owners, of eyes on data and on children; and the right edge.
const NAMES: i32 = 16;
const VALUES: i32 = 262;
const OWNERS: i32 = 592;
const DATA: i32 = 680;
const CHILDREN: i32 = 812;
const RIGHT: i32 = 944;
/// Of sessions: ids, how long each has left, and what is said of it.
const IDS: i32 = 262;
const BARS: i32 = 424;
const BAR: i32 = 140;
const SAID: i32 = 572;
/// So many sessions at most.
const SESSIONS: usize = 12;

pub(super) fn draw(recording: &Recording, wanted: &Wanted) -> Result<Picture, Nothing> {
    let asked = wanted.moment(recording);
    let at = asked.unwrap_or(recording.end);
    let said = asked.map_or_else(|| "the end".to_owned(), moment);
    let view = recording.look(at, |view| view.zookeeper());
    let view = view.ok_or_else(|| Nothing::in_a_trace("ZooKeeper's tree"))?;
    if view.znodes.is_empty() {
        return Err(Nothing {
            found: format!("ZooKeeper holds no node at {said}"),
            expected: "a run with ZooKeeper".to_owned(),
        });
    }
    let processes = Processes::at(recording, at);
    Ok(Drawing::new(&view, &processes).picture(recording, wanted, &said))
}

/// What facts say of the processes that have sessions.
#[derive(Default)]
struct Processes<'a> {
    owners: BTreeMap<SessionId, &'a str>,
    /// The session that each process was given last.
    last: BTreeMap<&'a str, SessionId>,
    down: BTreeSet<&'a str>,
}

impl<'a> Processes<'a> {
    fn at(recording: &'a Recording, at: Time) -> Processes<'a> {
        let mut processes = Processes::default();
        for entry in recording.facts.iter().take_while(|it| it.time <= at) {
            let node = &*entry.node;
            match &entry.fact {
                Fact::ZooKeeperConnected { session, .. } => {
                    processes.owners.insert(*session, node);
                    processes.last.insert(node, *session);
                }
                Fact::Crashed | Fact::PowerFailed | Fact::Exiting { .. } => {
                    processes.down.insert(node);
                }
                Fact::Started => {
                    processes.down.remove(node);
                }
                _ => {}
            }
        }
        processes
    }

    /// Whose it is, and what has become of that process.
    fn owner(&self, session: SessionId) -> (&'a str, &'static str) {
        let Some(owner) = self.owners.get(&session).copied() else {
            return ("nobody known", "");
        };
        let state = match self.last.get(owner) {
            Some(last) if *last != session => " (before its restart)",
            _ if self.down.contains(owner) => " (is down)",
            _ => "",
        };
        (owner, state)
    }
}

struct Drawing<'a> {
    view: &'a ZooKeeperView,
    processes: &'a Processes<'a>,
    /// By owner: so they are numbered.
    sessions: Vec<&'a ZooKeeperSessionView>,
    picture: Picture,
    y: i32,
}

impl<'a> Drawing<'a> {
    fn new(view: &'a ZooKeeperView, processes: &'a Processes<'a>) -> Drawing<'a> {
        let mut sessions: Vec<&ZooKeeperSessionView> = view.sessions.iter().collect();
        sessions.sort_by_key(|it| (processes.owner(it.id).0, it.id));
        Drawing {
            view,
            processes,
            sessions,
            picture: Picture::new("", ""),
            y: 24,
        }
    }

    fn picture(mut self, recording: &Recording, wanted: &Wanted, said: &str) -> Picture {
        let tree = tree::rows(self.view, wanted);
        let hollow = self.view.watches.iter().filter(|it| it.server.is_none());
        let hollow = hollow.count();
        self.picture.title = format!("{}: ZooKeeper's tree at {said}", recording.name);
        self.picture.about = format!(
            "Above the sessions, with the time that each has left; below the tree: a square stays, a circle is an ephemeral \
             node, which goes with its session. An eye is a watch: filled, a server will tell; hollow, a client counts on it \
             and no server that runs holds it ({hollow} of {}).",
            counted(self.view.watches.len(), "watch")
        );
        let title = self.picture.title.clone();
        self.picture.text((12, self.y), title, Style::Strong);
        self.push_servers();
        self.push_sessions();
        self.push_heads();
        self.push_rows(&tree.rows);
        self.push_notes(&tree.left_out);
        self.picture.fit(12);
        self.picture
    }

    fn push_servers(&mut self) {
        self.y += 20;
        let servers: Vec<String> = self.view.servers.iter().map(server).collect();
        let serves = |it: &ZooKeeperServerView| it.runs && it.role != ZooKeeperRole::NotServing;
        let mut said = servers.join("; ");
        if !self.view.servers.iter().any(serves) {
            said += ": nobody can read or write what is below";
        }
        let said = letters::cut(&said, 11, RIGHT - 12);
        self.picture
            .text((12, self.y), said, Style::Ink)
            .because("the tree is what the server holds that has applied the most");
    }

    fn push_sessions(&mut self) {
        let longest = self.sessions.iter().map(|it| it.timeout_ms).max();
        let longest = longest.unwrap_or(1).max(1);
        let ms = |ms: u64| lasted(Time::ZERO, Time(ms * 1_000_000));
        self.y += 6;
        for (place, session) in self.sessions.iter().take(SESSIONS).enumerate() {
            self.y += ROW;
            let y = self.y;
            let (owner, state) = self.processes.owner(session.id);
            let style = session_style(place);
            let reason = rule("session-opened");
            self.picture.rect((12, y - 12), (26, 15), style);
            let number = format!("s{}", place + 1);
            self.picture.text_at((25, y), Anchor::Middle, number, style);
            let name = letters::cut(&format!("{owner}{state}"), 11, IDS - 52);
            self.picture.text((44, y), name, Style::Ink);
            let timeout = ms(u64::from(session.timeout_ms));
            let id = format!("0x{:x}, {timeout}", session.id);
            self.picture.text((IDS, y), id, Style::Faint);
            let part = |ms: u64| scaled(ms, u64::from(longest));
            let whole = part(u64::from(session.timeout_ms));
            let frame = (whole, 11);
            self.picture
                .rect((BARS, y - 10), frame, Style::Frame)
                .because(reason.clone());
            let mut said = match session.left_ms {
                Some(left) => {
                    let size = (part(left).min(whole), 11);
                    self.picture
                        .rect((BARS, y - 10), size, Style::Good)
                        .because(reason);
                    format!("expires in {} unless it is heard of", ms(left))
                }
                None => "nobody watches over it: no leader".to_owned(),
            };
            if let Some(server) = session.server {
                said += &format!("; speaks with zookeeper-{server}");
            }
            let said = letters::cut(&said, 10, RIGHT - SAID);
            self.picture.text((SAID, y), said, Style::Faint);
        }
        let more = self.sessions.len().saturating_sub(SESSIONS);
        if more > 0 {
            self.y += ROW;
            let said = counted(more, "more session");
            self.picture.text((44, self.y), said, Style::Faint);
        }
    }

    fn push_heads(&mut self) {
        self.y += 26;
        for (x, head) in [
            (NAMES, "node"),
            (VALUES, "says"),
            (OWNERS, "goes with"),
            (DATA, "its data watched by"),
            (CHILDREN, "its children by"),
        ] {
            self.picture.text((x, self.y), head, Style::Faint);
        }
        self.y += 4;
    }

    fn push_rows(&mut self, rows: &[Row<'_>]) {
        let top = self.y;
        let y_of = |place: usize| top + ROW * (1 + i32::try_from(place).unwrap_or(0));
        let x_of = |row: &Row<'_>| NAMES + INDENT * i32::try_from(row.depth).unwrap_or(0);
        // From each parent down to its last child.
        for (place, row) in rows.iter().enumerate() {
            let below = rows[place + 1..]
                .iter()
                .take_while(|it| it.depth > row.depth);
            let children = below
                .enumerate()
                .filter(|(_, it)| it.depth == row.depth + 1);
            let mut last = None;
            for (child, it) in children {
                let (x, y) = (x_of(row), y_of(place + 1 + child) - 4);
                self.picture.line((x, y), (x_of(it) - 5, y), Style::Faint);
                last = Some(y);
            }
            if let Some(last) = last {
                let (x, y) = (x_of(row), y_of(place) + 1);
                self.picture.line((x, y), (x, last), Style::Faint);
            }
        }
        for (place, row) in rows.iter().enumerate() {
            self.push_row(row, (x_of(row), y_of(place)));
        }
        self.y = y_of(rows.len());
    }

    fn push_row(&mut self, row: &Row<'_>, (x, y): (i32, i32)) {
        let name = |style: Style| letters::cut(&row.name, style.text_size(), VALUES - x - 16);
        let owner = match &row.what {
            What::Several => {
                let said = letters::cut(&row.name, 10, OWNERS - x - 16);
                self.picture.text((x + 8, y), said, Style::Faint);
                return;
            }
            What::Absent => {
                self.picture
                    .text((x + 8, y), name(Style::Faint), Style::Faint);
                let said = "is not there; who watches it hears when it is made";
                self.picture
                    .text((VALUES, y), said, Style::Faint)
                    .because(rule("zoo-keeper-watch-fired"));
                0
            }
            What::Node { says, owner } => {
                self.picture.text((x + 8, y), name(Style::Ink), Style::Ink);
                let says = letters::cut(says, 10, OWNERS - VALUES - 8);
                if !says.is_empty() {
                    self.picture.text((VALUES, y), says, Style::Faint);
                }
                *owner
            }
        };
        if owner == 0 {
            if !matches!(row.what, What::Absent) {
                self.picture
                    .rect((x - 4, y - 8), (8, 8), Style::Frame)
                    .because("it stays until somebody deletes it");
            }
        } else {
            let reason = rule("session-expired");
            let place = self.sessions.iter().position(|it| it.id == owner);
            let style = place.map_or(Style::Frame, session_style);
            let at = Point::new(x, y - 4);
            self.picture
                .add(Shape::Circle { at, radius: 5 }, style)
                .because(reason.clone());
            let number = place.map_or_else(String::new, |it| format!("s{}, ", it + 1));
            let said = format!("{number}{}", self.processes.owner(owner).0);
            let said = letters::cut(&said, 10, DATA - OWNERS - 6);
            self.picture
                .text((OWNERS, y), said, Style::Faint)
                .because(reason);
        }
        self.push_eyes((DATA, y), CHILDREN - 6, row.watched(false));
        self.push_eyes((CHILDREN, y), RIGHT, row.watched(true));
    }

    fn push_eyes<'b>(
        &mut self,
        (mut x, y): (i32, i32),
        right: i32,
        watches: impl Iterator<Item = &'b ZooKeeperWatchView>,
    ) {
        let mut watches: Vec<(&str, &ZooKeeperWatchView)> = watches
            .map(|it| (self.processes.owner(it.session).0, it))
            .collect();
        watches.sort_by_key(|(owner, it)| (*owner, it.session));
        let count = watches.len();
        for (place, (owner, watch)) in watches.into_iter().enumerate() {
            let owner = owner.strip_prefix("broker-").unwrap_or(owner);
            let label = letters::cut(owner, 10, 52);
            let width = EYE + 3 + letters::width(&label, 10);
            // The last one needs no room for how many more there are.
            let room = right - if place + 1 == count { 0 } else { 26 };
            if x + width > room {
                let more = format!("+{}", count - place);
                self.picture.text((x, y), more, Style::Faint);
                return;
            }
            self.push_eye((x, y - 4), watch);
            self.picture.text((x + EYE + 3, y), label, Style::Faint);
            x += width + 9;
        }
    }

    fn push_eye(&mut self, (x, y): (i32, i32), watch: &ZooKeeperWatchView) {
        let of = if watch.children {
            "the children"
        } else {
            "the data"
        };
        let owner = self.processes.owner(watch.session).0;
        let path = &watch.path;
        let said = match (&watch.server, &watch.client) {
            (Some(server), Some(_)) => {
                format!("{server} will tell {owner} of the next change of {of} of {path}")
            }
            (Some(server), None) => {
                format!("{server} will tell {owner}, which does not count on it yet, or no more")
            }
            (None, _) => {
                format!("{owner} counts on being told of {path}, and no server that runs holds it")
            }
        };
        let reason = format!("{said}: {}", rule("zoo-keeper-watch-fired"));
        let lid = |bend: i32| {
            let steps = [(0, 0), (4, 3), (8, 4), (12, 3), (EYE, 0)];
            steps.map(|(dx, dy)| Point::new(x + dx, y + dy * bend))
        };
        let held = watch.server.is_some();
        let style = if held { Style::Ink } else { Style::Lane };
        for bend in [-1, 1] {
            self.picture.add(Shape::Path(lid(bend).to_vec()), style);
        }
        let place = self.sessions.iter().position(|it| it.id == watch.session);
        let style = match held {
            true => place.map_or(Style::Waiting, session_style),
            false => Style::Frame,
        };
        let at = Point::new(x + EYE / 2, y);
        self.picture
            .add(Shape::Circle { at, radius: 3 }, style)
            .because(reason);
    }

    fn push_notes(&mut self, left_out: &[String]) {
        let mut notes = vec![
            "square: it stays; circle: ephemeral, it goes with its session (s1); numbers: brokers".to_owned(),
            "filled eye: a server will tell that client of the next change, once; hollow: the client counts on \
             it, and no server that runs holds it"
                .to_owned(),
        ];
        notes.extend(left_out.iter().cloned());
        self.y += 6;
        for note in notes {
            let note = letters::cut(&note, 10, RIGHT - 12);
            self.picture.text((12, self.y), note, Style::Faint);
            self.y += 14;
        }
    }
}

/// How wide an eye is.
const EYE: i32 = 16;

/// Its colour, where ever it is meant.
fn session_style(place: usize) -> Style {
    Style::Epoch(u32::try_from(place).unwrap_or(0))
}

fn rule(of: &str) -> String {
    why(of).map_or_else(String::new, |it| it.in_a_line())
}

/// Of a bar.
fn scaled(ms: u64, longest: u64) -> i32 {
    let width = u64::from(BAR.unsigned_abs());
    i32::try_from((ms * width / longest).min(width)).unwrap_or(BAR)
}

fn server(server: &ZooKeeperServerView) -> String {
    let name = &server.name;
    let epoch = server.epoch.unwrap_or(0);
    match server.role {
        _ if !server.runs => format!("{name} is down"),
        ZooKeeperRole::Standalone => format!("{name} is the only server"),
        ZooKeeperRole::Leader => format!("{name} leads, epoch {epoch}"),
        ZooKeeperRole::Follower { leader } => format!("{name} follows server {leader}"),
        ZooKeeperRole::NotServing => format!("{name} does not serve"),
    }
}
