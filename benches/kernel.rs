//! How fast the kernel is: time an event of PHOLD through its timers beside a bare event loop, and
//! messages delivered through the network model with faults armed.
//!
//! `cargo bench --bench kernel`. Each figure is the median of five runs. The bare loop is a 4-ary heap
//! of 16-byte keys with slab payloads and the same ChaCha8 streams; it has no nodes, no digest and no
//! guards.

// A bench measures the machine, so it reads the machine's clock.
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

use kafka_trial::kernel::{
    Actor, Config, Ctx, Domain, Duration, Event, Fault, Kernel, NodeId, NodeOptions, Payload,
    Stream,
};
use measure::{median, timed};
use std::hint::black_box;

mod measure;

fn main() {
    let only = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    if wanted("phold") {
        phold();
    }
    if wanted("network") {
        network();
    }
}

fn phold() {
    println!("PHOLD: nanoseconds an event (entities, in flight): bare, kernel, ratio");
    for (entities, in_flight, events) in [(64, 64, 4_000_000), (1_024, 16_384, 4_000_000)] {
        let bare = median(|| bare_phold(entities, in_flight, events));
        for (layout, one_node) in [("one node", true), ("a node an entity", false)] {
            let kernel = median(|| kernel_phold(entities, in_flight, events, one_node));
            println!(
                "  {entities:>5} {in_flight:>6}  {layout:<17} {:>6.1} {:>6.1}  {:.2}",
                per_event(bare, events),
                per_event(kernel, events),
                kernel / bare
            );
        }
    }
}

fn network() {
    println!("network, faults armed: million deliveries a second");
    for (name, costs) in [("work costs nothing", false), ("default costs", true)] {
        for (nodes, in_flight) in [(8, 8), (64, 256)] {
            let deliveries = 3_000_000;
            let seconds = median(|| forward(nodes, in_flight, deliveries, costs));
            println!(
                "  {nodes:>3} nodes, {in_flight:>3} in flight, {name:<18} {:>5.2}",
                deliveries as f64 / seconds / 1e6
            );
        }
    }
}

fn per_event(seconds: f64, events: u64) -> f64 {
    seconds * 1e9 / events as f64
}

/// The mean time between two events of an entity, in nanoseconds.
const MEAN: u64 = 1_000_000;

fn bare_phold(entities: u64, in_flight: u64, events: u64) -> f64 {
    let mut bare = Bare {
        heap: Vec::new(),
        slots: Vec::new(),
        free: Vec::new(),
        seq: 0,
    };
    let mut random = Stream::named(1, "phold");
    let mut handled = vec![0u64; entities as usize];
    for n in 0..in_flight {
        bare.push(random.below(2 * MEAN), n % entities);
    }
    let seconds = timed(|| {
        for _ in 0..events {
            let (time, entity) = bare.pop();
            handled[entity as usize] += 1;
            let delay = 1 + random.below(2 * MEAN);
            let target = random.below(entities);
            bare.push(time + delay, target);
        }
    });
    black_box(handled);
    seconds
}

struct Bare {
    heap: Vec<u128>,
    slots: Vec<u64>,
    free: Vec<u32>,
    seq: u64,
}

impl Bare {
    #[inline]
    fn push(&mut self, time: u64, payload: u64) {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = payload;
                slot
            }
            None => {
                self.slots.push(payload);
                self.slots.len() as u32 - 1
            }
        };
        let key = u128::from(time) << 64 | u128::from(self.seq << 24 | u64::from(slot));
        self.seq += 1;
        let mut at = self.heap.len();
        self.heap.push(key);
        while at > 0 {
            let parent = (at - 1) / 4;
            if self.heap[parent] <= key {
                break;
            }
            self.heap[at] = self.heap[parent];
            at = parent;
        }
        self.heap[at] = key;
    }

    #[inline]
    fn pop(&mut self) -> (u64, u64) {
        let top = self.heap[0];
        let key = self.heap.pop().unwrap();
        let heap = &mut self.heap[..];
        let mut at = 0;
        if !heap.is_empty() {
            loop {
                let first = at * 4 + 1;
                let (child, least) = match heap.get(first..first + 4) {
                    Some(four) => {
                        let left = usize::from(four[1] < four[0]);
                        let right = 2 + usize::from(four[3] < four[2]);
                        let child = if four[right] < four[left] {
                            right
                        } else {
                            left
                        };
                        (first + child, four[child])
                    }
                    None => match (first..heap.len()).min_by_key(|&child| heap[child]) {
                        Some(child) => (child, heap[child]),
                        None => break,
                    },
                };
                if key <= least {
                    break;
                }
                heap[at] = least;
                at = child;
            }
            heap[at] = key;
        }
        let slot = top as u32 & 0xff_ffff;
        self.free.push(slot);
        ((top >> 64) as u64, self.slots[slot as usize])
    }
}

fn kernel_phold(entities: u64, in_flight: u64, events: u64, one_node: bool) -> f64 {
    let mut kernel = Kernel::<Holds, Hold>::new(Config::default(), 1);
    let nodes = if one_node { 1 } else { entities };
    for n in 0..nodes {
        let hold = Hold {
            entities: if one_node { entities } else { 1 },
            handled: vec![0; if one_node { entities as usize } else { 1 }],
        };
        let node = kernel.add_node(&format!("n{n}"), NodeOptions::default(), hold);
        kernel.apply(Fault::Start(node));
        for m in 0..in_flight / nodes {
            kernel.poke(node, if one_node { m % entities } else { 0 });
        }
    }
    for _ in 0..nodes + 2 * in_flight {
        kernel.step().unwrap();
    }
    let seconds = timed(|| {
        for _ in 0..events {
            kernel.step().unwrap();
        }
    });
    black_box(kernel.digest());
    seconds
}

struct Holds;

impl Domain for Holds {
    type Message = Ball;
    type Timer = u64;
    type Fact = ();
    type Lock = ();
}

struct Hold {
    entities: u64,
    handled: Vec<u64>,
}

impl Actor<Holds> for Hold {
    fn rebooted(&self) -> Self {
        Self {
            entities: self.entities,
            handled: self.handled.clone(),
        }
    }
    #[inline]
    fn on_event(&mut self, event: Event<Holds>, ctx: &mut Ctx<'_, Holds>) {
        if let Event::Timer(entity) = event {
            self.handled[entity as usize] += 1;
            let delay = 1 + ctx.random().below(2 * MEAN);
            let target = ctx.random().below(self.entities);
            ctx.set_timer(Duration(delay), target);
        }
    }
}

/// What is thrown around the ring.
#[derive(Clone, Debug)]
struct Ball {
    n: u64,
}

impl Payload for Ball {
    fn wire_bytes(&self) -> u64 {
        200
    }
    fn kind(&self) -> u16 {
        7
    }
    fn content_hash(&self) -> u64 {
        self.n
    }
}

/// Nodes in a ring; each passes on what it gets.
struct Thrower {
    next: NodeId,
    throws: u64,
    to: Option<kafka_trial::kernel::ConnId>,
}

impl Actor<Holds> for Thrower {
    fn rebooted(&self) -> Self {
        Self {
            next: self.next,
            throws: self.throws,
            to: None,
        }
    }
    #[inline]
    fn on_event(&mut self, event: Event<Holds>, ctx: &mut Ctx<'_, Holds>) {
        match event {
            Event::Message { message, .. } => {
                if let Some(to) = self.to {
                    ctx.send(to, Ball { n: message.n + 1 });
                }
            }
            Event::Started => {
                ctx.connect(self.next);
            }
            Event::Connected(conn) => {
                self.to = Some(conn);
                for n in 0..self.throws {
                    ctx.send(conn, Ball { n });
                }
            }
            _ => {}
        }
    }
}

fn forward(nodes: u32, in_flight: u32, deliveries: u64, costs: bool) -> f64 {
    let mut config = Config::default();
    if !costs {
        config.costs.message = Duration::ZERO;
        config.costs.message_picos_per_byte = 0;
    }
    let mut kernel = Kernel::<Holds, Thrower>::new(config, 1);
    for n in 0..nodes {
        let next = NodeId((n + 1) % nodes);
        let thrower = Thrower {
            next,
            throws: u64::from(in_flight / nodes),
            to: None,
        };
        let node = kernel.add_node(&format!("n{n}"), NodeOptions::default(), thrower);
        kernel.apply(Fault::Start(node));
    }
    let (a, b) = (vec![NodeId(0), NodeId(1)], vec![NodeId(2), NodeId(3)]);
    kernel.apply(Fault::SlowLink {
        a: a.clone(),
        b: b.clone(),
        extra: Duration::from_micros(300),
    });
    kernel.apply(Fault::Throttle {
        a,
        b,
        bytes_per_second: 1_000_000_000,
    });
    kernel.apply(Fault::partition(&[NodeId(0)], &[NodeId(4)]));
    kernel.apply(Fault::LoseOne {
        from: NodeId(3),
        to: NodeId(0),
    });
    while kernel.messages() < deliveries / 10 {
        kernel.step().unwrap();
    }
    let before = kernel.messages();
    timed(|| {
        while kernel.messages() - before < deliveries {
            kernel.step().unwrap();
        }
    })
}
