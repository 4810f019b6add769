//! Threads of a process: order within one, side by side with others, locks, and what ends them.

use crate::toy::{Note, ms, plain};
use kafka_trial::kernel::{
    Actor, Backlog, Coming, Config, ConnId, Ctx, Domain, Duration, Event, Fault, Hold, Incoming,
    Kernel, Lane, NodeId, NodeOptions, Stop, Time,
};

enum Crews {}

impl Domain for Crews {
    type Message = Note;
    type Timer = Job;
    type Fact = String;
    type Lock = &'static str;
}

/// Something to do on a lane; its beginning and its end are told with its name.
#[derive(Clone, Debug)]
struct Job {
    name: char,
    lane: u8,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    /// Work for so many milliseconds.
    Work(u32),
    /// The same with this lock in hand; waits for it if it must.
    Locked(&'static str, Hold, u32),
    Sync,
    /// Sync, and then work.
    SyncThenWork(u32),
    /// Connect to the other, and send it as many messages on one connection.
    Send(u32),
    Unmute,
    Ended,
    Exit,
}

/// Where ends are told, whatever the others do.
const TELLER: u8 = 99;
/// Threads 20 and 21, which take messages in.
const READERS: u8 = 20;
/// Brings them.
const BRINGER: u8 = 30;

#[derive(Default)]
struct Crew {
    conn: Option<ConnId>,
    mutes: bool,
    /// How many connections may wait for a reader.
    most: Option<usize>,
}

impl Actor<Crews> for Crew {
    fn rebooted(&self) -> Self {
        Crew {
            mutes: self.mutes,
            most: self.most,
            ..Crew::default()
        }
    }

    fn backlog(&self, lane: Lane) -> Option<Backlog> {
        let bound = Backlog {
            most: self.most?,
            brought_by: Lane::thread(BRINGER.into()),
        };
        (lane == Lane::pool(READERS.into(), 2)).then_some(bound)
    }

    fn lane(&self, coming: &Coming<'_, Crews>) -> Lane {
        let number = match coming.what() {
            Incoming::Timer(job) => job.lane,
            Incoming::Message { .. } => READERS,
            _ => 0,
        };
        match number {
            READERS => Lane::pool(READERS.into(), 2),
            number => Lane::thread(number.into()),
        }
    }

    fn on_event(&mut self, event: Event<Crews>, ctx: &mut Ctx<'_, Crews>) {
        match event {
            Event::Timer(job) => self.obey(job, ctx),
            Event::Message { conn, message } => {
                ctx.fact(format!("got {}", message.n));
                ctx.charge(Duration::from_millis(10));
                if self.mutes {
                    self.conn = Some(conn);
                    ctx.mute(conn);
                }
            }
            _ => {}
        }
    }
}

impl Crew {
    fn obey(&mut self, job: Job, ctx: &mut Ctx<'_, Crews>) {
        let name = job.name;
        let work = |n: u32| Duration::from_millis(n.into());
        match job.what {
            What::Ended => return ctx.fact(format!("{name}.")),
            What::Locked(lock, how, _) if !ctx.is_free(&lock, how) => {
                ctx.fact(format!("{name}?"));
                return ctx.wait_for(lock, how, job);
            }
            What::SyncThenWork(n) => {
                sync(ctx);
                ctx.fact(format!("{name}~"));
                return ctx.go_on(Job {
                    what: What::Work(n),
                    ..job
                });
            }
            What::Work(n) => ctx.charge(work(n)),
            What::Locked(lock, how, n) => {
                ctx.hold(lock, how);
                ctx.charge(work(n));
            }
            What::Sync => sync(ctx),
            What::Send(n) => {
                let conn = ctx.connect(B);
                for n in 0..n {
                    let n = u64::from(n);
                    ctx.send(conn, Note { n, bytes: 100 });
                }
            }
            What::Unmute => ctx.unmute(self.conn.unwrap()),
            What::Exit => ctx.exit(3),
        }
        ctx.fact(name.to_string());
        let ended = Job {
            name,
            lane: TELLER,
            what: What::Ended,
        };
        ctx.set_timer(Duration::ZERO, ended);
    }
}

fn sync(ctx: &mut Ctx<'_, Crews>) {
    let file = ctx.disk().create("log").unwrap();
    ctx.disk().append(file, "x".into()).unwrap();
    ctx.disk().sync(file).unwrap();
}

const A: NodeId = NodeId(0);
const B: NodeId = NodeId(1);

struct World {
    kernel: Kernel<Crews, Crew>,
    said: Vec<(Time, String)>,
}

impl World {
    fn new() -> Self {
        Self::with(plain(), Crew::default())
    }

    fn with(config: Config, b: Crew) -> Self {
        let mut kernel = Kernel::new(config, 1);
        for (name, crew) in [("a", Crew::default()), ("b", b)] {
            let node = kernel.add_node(name, NodeOptions::default(), crew);
            kernel.apply(Fault::Start(node));
        }
        let mut world = World {
            kernel,
            said: Vec::new(),
        };
        world.until(10);
        world
    }

    fn tell(&mut self, lane: u8, name: char, what: What) {
        self.kernel.poke(A, Job { name, lane, what });
    }

    fn until(&mut self, millis: u64) {
        while self.kernel.next_time().is_some_and(|at| at <= ms(millis)) {
            if let Err(Stop::Guard(why)) = self.kernel.step() {
                panic!("{why}");
            }
            let facts = self.kernel.take_facts();
            self.said.extend(facts.map(|it| (it.time, it.fact)));
        }
        self.kernel.advance_to(ms(millis));
    }

    /// What was said, each with its millisecond.
    fn said(&self) -> String {
        let said = self.said.iter();
        let words = said.map(|(time, what)| format!("{}:{what}", time.as_millis()));
        words.collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn a_thread_does_one_thing_after_the_other_and_all_work_side_by_side() {
    let mut world = World::new();
    for (lane, name) in [(1, 'a'), (1, 'b'), (2, 'c'), (0, 'd')] {
        world.tell(lane, name, What::Work(5));
    }
    world.until(30);
    assert_eq!(world.said(), "10:a 10:c 10:d 15:a. 15:b 15:c. 15:d. 20:b.");
}

#[test]
fn a_pool_takes_as_much_at_once_as_it_has_threads() {
    let mut world = World::new();
    for name in ['a', 'b', 'c', 'd'] {
        world.tell(READERS, name, What::Work(5));
    }
    world.until(30);
    assert_eq!(world.said(), "10:a 10:b 15:a. 15:b. 15:c 15:d 20:c. 20:d.");
}

#[test]
fn messages_of_a_connection_are_read_one_after_the_other_by_whatever_thread() {
    let mut world = World::new();
    world.tell(1, 's', What::Send(3));
    world.tell(2, 't', What::Send(1));
    world.until(60);
    let got = world.said.iter().filter(|(_, it)| it.starts_with("got"));
    let got: Vec<_> = got
        .map(|(time, what)| (time.as_millis(), what.as_str()))
        .collect();
    assert_eq!(
        got,
        [(13, "got 0"), (13, "got 0"), (23, "got 1"), (33, "got 2")]
    );
}

#[test]
fn lk7_who_brings_to_a_full_queue_stands_still_until_there_is_room() {
    for (most, free_at) in [(None, 15), (Some(4), 15), (Some(2), 23), (Some(1), 33)] {
        let b = Crew {
            most,
            ..Crew::default()
        };
        let mut world = World::with(plain(), b);
        for lane in 1..=6 {
            world.tell(lane, 's', What::Send(1));
        }
        world.until(15);
        let brings = Job {
            name: 'n',
            lane: BRINGER,
            what: What::Work(0),
        };
        world.kernel.poke(B, brings);
        world.until(100);
        let at = |word: &str| -> Vec<u64> {
            let said = world.said.iter().filter(|(_, it)| it == word);
            said.map(|(time, _)| time.as_millis()).collect()
        };
        assert_eq!(at("got 0"), [13, 13, 23, 23, 33, 33], "{most:?}");
        assert_eq!(at("n"), [free_at], "{most:?}");
    }
}

#[test]
fn a_muted_connection_stays_muted_when_its_thread_is_done() {
    let b = Crew {
        mutes: true,
        ..Crew::default()
    };
    let mut world = World::with(plain(), b);
    world.tell(1, 's', What::Send(2));
    world.until(100);
    let unmute = Job {
        name: 'u',
        lane: 3,
        what: What::Unmute,
    };
    world.kernel.poke(B, unmute);
    world.until(200);
    let got = world.said.iter().filter(|(_, it)| it.starts_with("got"));
    let got: Vec<_> = got.map(|(time, _)| time.as_millis()).collect();
    assert_eq!(got, [13, 100]);
}

#[test]
fn a_lock_is_had_in_the_order_of_asking_and_its_waiters_do_nothing_else() {
    let mut world = World::new();
    let alone = |n| What::Locked("log", Hold::Alone, n);
    world.tell(1, 'a', alone(5));
    world.tell(2, 'b', alone(5));
    world.tell(3, 'c', alone(5));
    world.tell(2, 'd', What::Work(1));
    world.tell(4, 'e', What::Work(1));
    world.until(40);
    assert_eq!(
        world.said(),
        "10:a 10:b? 10:c? 10:e 11:e. 15:a. 15:b 20:b. 20:d 20:c 21:d. 25:c."
    );
}

#[test]
fn who_shares_a_lock_does_not_overtake_who_waits_to_have_it_alone() {
    let mut world = World::new();
    world.tell(1, 'a', What::Locked("isr", Hold::Shared, 5));
    world.tell(2, 'b', What::Locked("isr", Hold::Shared, 6));
    world.tell(3, 'w', What::Locked("isr", Hold::Alone, 5));
    world.tell(4, 'c', What::Locked("isr", Hold::Shared, 5));
    world.tell(5, 'd', What::Locked("isr", Hold::Shared, 5));
    world.until(60);
    assert_eq!(
        world.said(),
        "10:a 10:b 10:w? 10:c? 10:d? 15:a. 16:b. 16:w 21:w. 21:c 21:d 26:c. 26:d."
    );
}

#[test]
fn what_hangs_holds_up_its_own_thread_and_who_wants_its_lock() {
    let mut world = World::new();
    let stuck = |on| Fault::DiskSyncStuck { node: A, on };
    world.kernel.apply(stuck(true));
    world.tell(1, 'h', What::Sync);
    world.tell(1, 'q', What::Work(1));
    world.tell(2, 'o', What::Work(1));
    world.until(1_000);
    assert_eq!(world.said(), "10:h 10:o 11:o. 12:h.");
    world.kernel.apply(stuck(false));
    world.until(2_000);
    assert!(world.said().ends_with("1000:q 1001:q."), "{}", world.said());
}

#[test]
fn a_handler_that_goes_on_lets_nothing_in_between() {
    let mut world = World::new();
    world.tell(1, 'h', What::SyncThenWork(3));
    world.tell(1, 'q', What::Work(1));
    world.until(50);
    assert_eq!(world.said(), "10:h~ 12:h 15:h. 15:q 16:q.");
}

#[test]
fn a_pause_stops_all_threads_and_prolongs_what_each_was_doing() {
    let mut world = World::new();
    world.tell(1, 'a', What::Locked("log", Hold::Alone, 5));
    world.tell(2, 'b', What::Locked("log", Hold::Alone, 5));
    world.tell(3, 'c', What::Work(9));
    world.until(12);
    world.kernel.apply(Fault::Pause(A));
    world.until(112);
    world.kernel.apply(Fault::Resume(A));
    world.until(200);
    let said = world.said();
    assert!(said.contains(" 115:b "), "{said}");
    assert!(said.ends_with("120:b."), "{said}");
}

#[test]
fn a_crash_ends_all_threads_and_frees_all_locks() {
    for fault in [Fault::Crash(A), Fault::PowerFailure(A)] {
        let mut world = World::new();
        let stuck = |on| Fault::DiskSyncStuck { node: A, on };
        world.kernel.apply(stuck(true));
        world.tell(1, 'h', What::Sync);
        world.tell(2, 'a', What::Locked("log", Hold::Alone, 5));
        world.tell(3, 'b', What::Locked("log", Hold::Alone, 5));
        world.until(11);
        world.kernel.apply(fault);
        world.kernel.apply(stuck(false));
        world.until(20);
        world.said.clear();
        world.kernel.apply(Fault::Start(A));
        world.until(30);
        for lane in [1, 2, 3] {
            world.tell(lane, 'n', What::Locked("log", Hold::Shared, 1));
        }
        world.until(60);
        assert_eq!(world.said(), "30:n 30:n 30:n 31:n. 31:n. 31:n.");
    }
}

#[test]
fn a_thread_that_exits_takes_the_process_with_it() {
    let mut world = World::new();
    world.tell(1, 'w', What::Work(50));
    world.tell(2, 'x', What::Exit);
    world.until(100);
    assert_eq!(world.said(), "10:w 10:x");
    assert_eq!(world.kernel.exit_status(A), Some(3));
}
