//! A toy process that does what it is told and states what happens to it.

use bytes::Bytes;
use kafka_trial::kernel::{
    Actor, Config, ConnId, Ctx, Distribution, Domain, Duration, Event, Fault, Kernel, NodeId,
    NodeOptions, Payload, Stop, Time, TimerId,
};

pub struct Toys;

impl Domain for Toys {
    type Message = Note;
    type Timer = Do;
    type Fact = String;
    type Lock = &'static str;
}

/// A message that is a number of so many bytes.
#[derive(Clone, Debug)]
pub struct Note {
    pub n: u64,
    pub bytes: u64,
}

impl Payload for Note {
    fn wire_bytes(&self) -> u64 {
        self.bytes
    }
    fn kind(&self) -> u16 {
        1
    }
    fn content_hash(&self) -> u64 {
        self.n
    }
}

/// What a toy can be told.
#[derive(Clone, Debug)]
pub enum Do {
    Connect(NodeId),
    /// On the connection opened or accepted last.
    Send(u64),
    SendBytes(u64, u32),
    Close,
    Mute,
    Unmute,
    Listen(bool),
    /// Say so, and do it again after as many milliseconds.
    Tick(u32),
    /// A timer that is set, and cancelled by `Cancel`.
    Alarm(u32),
    Cancel,
    /// Work for so many microseconds.
    Work(u32),
    /// Append a line with the number to `log`.
    Write(u32),
    WriteBytes(u32),
    Sync,
    SyncLater,
    /// `log`, and then `big`.
    SyncBoth,
    Replace(u32),
    /// The same, and waits for it.
    ReplaceNow(u32),
    Read,
    Draw,
    Buggify,
    Clock,
    /// Again and again without delay.
    Spin,
    Exit(i32),
}

#[derive(Default)]
pub struct Toy {
    /// Answers each message with its number plus 1000.
    pub echoes: bool,
    /// Writes each message to its disk before it answers.
    pub writes: bool,
    pub last: Option<ConnId>,
    alarm: Option<TimerId>,
    buggified: u32,
}

impl Toy {
    pub fn echo() -> Self {
        Self {
            echoes: true,
            ..Self::default()
        }
    }
    pub fn echo_with_disk() -> Self {
        Self {
            echoes: true,
            writes: true,
            ..Self::default()
        }
    }
}

impl Actor<Toys> for Toy {
    fn rebooted(&self) -> Self {
        Self {
            echoes: self.echoes,
            writes: self.writes,
            ..Self::default()
        }
    }

    fn on_event(&mut self, event: Event<Toys>, ctx: &mut Ctx<'_, Toys>) {
        match event {
            Event::Started => ctx.fact("started".into()),
            Event::Terminate => {
                ctx.fact("asked to stop".into());
                ctx.exit(0);
            }
            Event::Timer(what) => self.obey(what, ctx),
            Event::Connected(conn) => {
                self.last = Some(conn);
                ctx.fact("connected".into());
            }
            Event::Accepted { conn, from } => {
                self.last = Some(conn);
                ctx.fact(format!("accepted {}", from.0));
            }
            Event::Message { conn, message } => {
                ctx.fact(format!("got {}", message.n));
                if self.writes {
                    append(ctx, message.n);
                    let file = ctx.disk().create("log").unwrap();
                    ctx.disk().sync(file).unwrap();
                }
                if self.echoes {
                    ctx.send(
                        conn,
                        Note {
                            n: message.n + 1_000,
                            bytes: message.bytes,
                        },
                    );
                }
            }
            Event::Closed { conn, reason } => {
                self.last = self.last.filter(|last| *last != conn);
                ctx.fact(format!("closed {reason:?}"));
            }
            Event::Disk { token, result } => ctx.fact(format!("disk {token} {result:?}")),
        }
    }
}

impl Toy {
    fn obey(&mut self, what: Do, ctx: &mut Ctx<'_, Toys>) {
        match what {
            Do::Connect(to) => self.last = Some(ctx.connect(to)),
            Do::Send(n) => self.send(ctx, n, 100),
            Do::SendBytes(n, bytes) => self.send(ctx, n, bytes.into()),
            Do::Close => {
                if let Some(conn) = self.last.take() {
                    ctx.close(conn);
                }
            }
            Do::Mute => ctx.mute(self.last.unwrap()),
            Do::Unmute => ctx.unmute(self.last.unwrap()),
            Do::Listen(on) => ctx.listen(on),
            Do::Tick(ms) => {
                ctx.fact("tick".into());
                ctx.set_timer(Duration::from_millis(ms.into()), Do::Tick(ms));
            }
            Do::Alarm(ms) => {
                self.alarm = Some(ctx.set_timer(Duration::from_millis(ms.into()), Do::Clock))
            }
            Do::Cancel => ctx.cancel_timer(self.alarm.unwrap()),
            Do::Work(us) => ctx.charge(Duration::from_micros(us.into())),
            Do::Write(n) => append(ctx, n.into()),
            Do::WriteBytes(n) => {
                let file = ctx.disk().create("big").unwrap();
                let result = ctx.disk().append(file, vec![7; n as usize].into());
                ctx.fact(format!("wrote {result:?}"));
            }
            Do::Sync => {
                let file = ctx.disk().create("log").unwrap();
                let result = ctx.disk().sync(file);
                ctx.fact(format!("synced {result:?}"));
                self.send(ctx, 9, 10);
            }
            Do::SyncLater => {
                let file = ctx.disk().create("log").unwrap();
                ctx.sync_later(file, 77);
            }
            Do::SyncBoth => {
                for path in ["log", "big"] {
                    let file = ctx.disk().create(path).unwrap();
                    ctx.disk().sync(file).unwrap();
                }
            }
            Do::ReplaceNow(n) => {
                let disk = ctx.disk();
                let file = disk.create("checkpoint.tmp").unwrap();
                disk.append(file, n.to_string().into()).unwrap();
                disk.sync(file).unwrap();
                disk.rename("checkpoint.tmp", "checkpoint").unwrap();
            }
            Do::Replace(n) => ctx.replace_later("checkpoint", n.to_string().into(), n.into()),
            Do::Read => {
                let content = ctx
                    .disk()
                    .read_file("log")
                    .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
                ctx.fact(format!("read {content:?}"));
            }
            Do::Draw => {
                let drawn = ctx.random().next_u64();
                ctx.fact(format!("drew {drawn}"));
            }
            Do::Buggify => {
                self.buggified += u32::from(ctx.buggify("toy"));
                ctx.fact(format!("buggified {}", self.buggified));
            }
            Do::Clock => ctx.fact(format!(
                "now {} wall {}",
                ctx.now().as_millis(),
                ctx.wall_ms()
            )),
            Do::Spin => {
                ctx.set_timer(Duration::ZERO, Do::Spin);
            }
            Do::Exit(status) => ctx.exit(status),
        }
    }

    fn send(&mut self, ctx: &mut Ctx<'_, Toys>, n: u64, bytes: u64) {
        if let Some(conn) = self.last {
            ctx.send(conn, Note { n, bytes });
        }
    }
}

fn append(ctx: &mut Ctx<'_, Toys>, n: u64) {
    let file = ctx.disk().create("log").unwrap();
    let result = ctx.disk().append(file, Bytes::from(format!("{n}\n")));
    if let Err(error) = result {
        ctx.fact(format!("write failed: {error}"));
    }
}

/// A world of toys, and what they said.
pub struct World {
    pub kernel: Kernel<Toys, Toy>,
    pub said: Vec<(Time, NodeId, String)>,
}

pub const A: NodeId = NodeId(0);
pub const B: NodeId = NodeId(1);
pub const C: NodeId = NodeId(2);

pub fn ms(n: u64) -> Time {
    Time::ZERO + Duration::from_millis(n)
}

/// Trips of 1 ms, no work: times that a test can name.
pub fn plain() -> Config {
    let mut config = Config {
        calendar_start_ms: 0,
        ..Config::default()
    };
    config.network.same_rack = Distribution::Constant(Duration::from_millis(1));
    config.costs.message = Duration::ZERO;
    config.costs.message_picos_per_byte = 0;
    config.costs.connection = Duration::ZERO;
    config.disk.call = Duration::ZERO;
    config.disk.memory_picos_per_byte = 0;
    config.disk.sync_latency = Distribution::Constant(Duration::from_millis(2));
    config
}

impl World {
    /// Nodes a, b, c..., running.
    pub fn new(config: Config, seed: u64, toys: Vec<Toy>) -> Self {
        let mut world = Self {
            kernel: Kernel::new(config, seed),
            said: Vec::new(),
        };
        for (name, toy) in ('a'..).zip(toys) {
            let node = world
                .kernel
                .add_node(&name.to_string(), NodeOptions::default(), toy);
            world.kernel.apply(Fault::Start(node));
        }
        world
    }

    /// An echo at b, to which a is connected since 2 ms; the time is 10 ms.
    pub fn connected(config: Config) -> Self {
        let mut world = Self::new(config, 1, vec![Toy::default(), Toy::echo(), Toy::default()]);
        world.tell(A, Do::Connect(B));
        world.until(10);
        world
    }

    pub fn tell(&mut self, node: NodeId, what: Do) {
        self.kernel.poke(node, what);
    }

    /// Tells a node something now and lets everything happen that happens at this instant.
    pub fn tell_now(&mut self, node: NodeId, what: Do) {
        self.tell(node, what);
        let now = self.kernel.now();
        self.run_to(now);
    }

    /// Runs up to and with so many milliseconds.
    pub fn until(&mut self, millis: u64) {
        self.run_to(ms(millis));
    }

    pub fn run_to(&mut self, time: Time) {
        while self.kernel.next_time().is_some_and(|next| next <= time) {
            self.step();
        }
        self.kernel.advance_to(time);
    }

    /// Runs until nothing is left to happen.
    pub fn run_out(&mut self) {
        while self.kernel.next_time().is_some() {
            self.step();
        }
    }

    fn step(&mut self) {
        if let Err(Stop::Guard(why)) = self.kernel.step() {
            panic!("{why}");
        }
        let facts: Vec<_> = self.kernel.take_facts().collect();
        for entry in facts {
            let by = self.kernel.nodes();
            let mut by = by.filter(|node| *self.kernel.name(*node) == entry.node);
            self.said.push((entry.time, by.next().unwrap(), entry.fact));
        }
    }

    /// What a node said, in order.
    pub fn said_by(&self, node: NodeId) -> Vec<&str> {
        self.said
            .iter()
            .filter(|(_, by, _)| *by == node)
            .map(|(_, _, what)| what.as_str())
            .collect()
    }

    /// When a node said something for the first time.
    pub fn when(&self, node: NodeId, what: &str) -> Option<Time> {
        self.said
            .iter()
            .find(|(_, by, said)| *by == node && said == what)
            .map(|(time, ..)| *time)
    }

    pub fn forget(&mut self) {
        self.said.clear();
    }

    pub fn log_of(&self, node: NodeId) -> String {
        self.content(node, "log").unwrap_or_default()
    }

    pub fn content(&self, node: NodeId, path: &str) -> Option<String> {
        let disk = self.kernel.disk(node);
        disk.open(path)
            .map(|file| String::from_utf8(disk.peek(file).concat()).unwrap())
    }
}
