//! How much goes through in each second: records that producers made, that were acknowledged, and that consumers read.
//! Where the first two part, something waits; where reading stands still and then is more, readers catch up.

use super::over_time::{self, FULL, Faults, LINE, MARGIN, Span, legend, millis};
use crate::figure::picture::{Picture, Style};
use crate::figure::{Nothing, Recording, Wanted};
use crate::protocol::Fact;

/// What is counted, as the legend has it; `acks=0` is acknowledged by nobody.
const COUNTED: [(&str, &str); 4] = [
    (
        "acknowledged",
        "producers were told that it is stored (ProduceResponse; acks)",
    ),
    (
        "read",
        "handed to consumers, by all of them together, and up to the high watermark (FetchIsolation; isolation.level)",
    ),
    (
        "made",
        "handed to a producer by its application (KafkaProducer.send; buffer.memory)",
    ),
    (
        "sent with acks=0",
        "given to the network: nobody says whether it arrived (acks=0)",
    ),
];

pub(crate) fn draw(recording: &Recording, wanted: &Wanted) -> Result<Picture, Nothing> {
    let span = Span::of(recording, wanted);
    let together = span.seconds_together();
    // Only whole ones: what is left at the end would look like a fall.
    let parts = ((span.until - span.from) / (together * 1_000)).max(1);
    let mut counts = vec![[0_i64; COUNTED.len()]; usize::try_from(parts).unwrap_or(1)];
    for entry in &recording.facts {
        let (what, partition) = match &entry.fact {
            Fact::Acked {
                offset: -1,
                partition,
                ..
            } => (3, partition),
            Fact::Acked { partition, .. } => (0, partition),
            Fact::Consumed { partition, .. } => (1, partition),
            Fact::RecordCreated { partition, .. } => (2, partition),
            _ => continue,
        };
        let now = millis(entry.time);
        if span.has(now) && wanted.shows(partition) {
            let part = usize::try_from((now - span.from) / (together * 1_000));
            if let Some(counts) = part.ok().and_then(|part| counts.get_mut(part)) {
                counts[what] += 1;
            }
        }
    }
    let has = |what: usize| counts.iter().any(|counts| counts[what] > 0);
    if !(0..COUNTED.len()).any(has) {
        return Err(Nothing {
            found: "no record was made or read in this run".to_owned(),
            expected: "a run with producers or consumers, and a topic of theirs".to_owned(),
        });
    }
    let unit = match together {
        1 => "each second".to_owned(),
        more => format!("each {more} seconds"),
    };
    let mut picture = Picture::new(
        format!("{}: records in {unit}", recording.name),
        "Records that were made, acknowledged and read, over time. Shaded: while a fault lasts.",
    );
    let top = over_time::head(&mut picture);
    let most = counts.iter().flatten().copied().max().unwrap_or(0);
    let panel = span.panel(&mut picture, (MARGIN, top), FULL, most, &|it| {
        it.to_string()
    });
    let faults = Faults::of(recording, span);
    faults.draw(&mut picture, &panel);
    let mut names = Vec::new();
    for (what, (name, why)) in COUNTED.iter().enumerate().filter(|(what, _)| has(*what)) {
        let style = Style::Series(u32::try_from(what).unwrap_or(0));
        let values = counts.iter().zip(0..).map(|(counts, part)| {
            let middle = span.from + part * together * 1_000 + together * 500;
            (middle, counts[what])
        });
        panel.line(&mut picture, &values.collect::<Vec<_>>(), style, why);
        names.push((style, *name));
    }
    let y = top + FULL.1 + 16;
    legend(&mut picture, (MARGIN, y), &names);
    faults.list(&mut picture, y + LINE + 4);
    picture.fit(MARGIN);
    Ok(picture)
}
