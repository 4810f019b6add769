//! How long producers waited from a record's making to its acknowledgement: half of each second's, and all but one in a
//! hundred, over time; and how many waited how long. Each step of the axis is ten times the one before: a failover takes
//! a thousand times as long as a good day's record, and both are to be seen.
//!
//! A record stands in the second in which it was acknowledged. One that never was has no latency and is not here.

use super::logarithm::{name, name_of_step, thousand_log10};
use super::over_time::{self, FULL, Faults, LINE, MARGIN, Span, legend, millis};
use super::panel::{Axes, Panel};
use crate::check::Latencies;
use crate::figure::picture::{Anchor, Picture, Style};
use crate::figure::{Nothing, Recording, Wanted, letters};
use crate::protocol::Fact;

const LINES: [(u16, &str, &str); 2] = [
    (
        500,
        "p50: half waited no longer",
        "the middle of those that were acknowledged then: batches wait for linger.ms, answers for the replicas that acks asks for (DelayedProduce)",
    ),
    (
        990,
        "p99: all but one in a hundred waited no longer",
        "what the slowest felt of those that were acknowledged then: whoever waits for a new leader waits for delivery.timeout.ms at most (ProducerBatch)",
    ),
];

pub(crate) fn draw(recording: &Recording, wanted: &Wanted) -> Result<Picture, Nothing> {
    let span = Span::of(recording, wanted);
    let acknowledged = acknowledged(recording, wanted, span)?;
    let together = span.seconds_together() * 1_000;
    let parts = (span.until - span.from) / together + 1;
    let mut of_parts = vec![Latencies::default(); usize::try_from(parts).unwrap_or(1)];
    for (time, nanos) in &acknowledged {
        let part = usize::try_from((time - span.from) / together).unwrap_or(0);
        of_parts[part].push(*nanos);
    }
    let mut picture = Picture::new(
        format!(
            "{}: how long producers waited for an acknowledgement",
            recording.name
        ),
        "p50 and p99 of the latencies of what was acknowledged in each second, over time. Each step up is ten times as \
         long. Shaded: while a fault lasts.",
    );
    let top = over_time::head(&mut picture);
    let (low, high) = ends(acknowledged.iter().map(|(_, nanos)| *nanos));
    let axes = Axes {
        at: (MARGIN, top),
        size: FULL,
        across: span.from..span.until,
        up: low..high,
        names: (14, steps_between(low, high)),
        name_across: &over_time::seconds,
        name_up: &name_of_step,
    };
    let panel = Panel::draw(&mut picture, &axes);
    let faults = Faults::of(recording, span);
    faults.draw(&mut picture, &panel);
    for ((per_mille, _, why), number) in LINES.iter().zip(0..) {
        let mut values = Vec::new();
        let parts = of_parts.iter().map(|of_part| of_part.at(*per_mille));
        // Where nothing was acknowledged there is no line.
        for (latency, part) in parts.chain([None]).zip(0..) {
            match latency {
                Some(latency) => {
                    let middle = span.from + part * together + together / 2;
                    values.push((middle, thousand_log10(latency.0)));
                }
                None => {
                    let values = std::mem::take(&mut values);
                    panel.line(&mut picture, &values, Style::Series(number), why);
                }
            }
        }
    }
    let y = top + FULL.1 + 16;
    let names = LINES.iter().zip(0..);
    let names: Vec<_> = names
        .map(|((_, name, _), number)| (Style::Series(number), *name))
        .collect();
    legend(&mut picture, (MARGIN, y), &names);
    let said = "no line: nothing was acknowledged; each step up is ten times as long";
    picture.text((MARGIN, y + LINE + 4), said, Style::Faint);
    faults.list(&mut picture, y + 2 * LINE + 8);
    picture.fit(MARGIN);
    Ok(picture)
}

pub(crate) fn draw_histogram(recording: &Recording, wanted: &Wanted) -> Result<Picture, Nothing> {
    let span = Span::of(recording, wanted);
    let acknowledged = acknowledged(recording, wanted, span)?;
    let all: Vec<u64> = acknowledged.into_iter().map(|(_, nanos)| nanos).collect();
    let buckets = buckets(&all);
    let mut latencies = Latencies::default();
    all.iter().for_each(|nanos| latencies.push(*nanos));
    let mut picture = Picture::new(
        format!("{}: how many records waited how long", recording.name),
        format!(
            "A bar for each range of latencies: how many records were acknowledged in such a time. {latencies}."
        ),
    );
    let top = over_time::head(&mut picture);
    let most = buckets.iter().map(|(_, _, count)| *count).max();
    let most = most.unwrap_or(0);
    let ends = (buckets.first(), buckets.last());
    let (low, high) = match ends {
        (Some((low, ..)), Some((_, high, _))) => (thousand_log10(*low), thousand_log10(*high)),
        _ => (0, 1_000),
    };
    let axes = Axes {
        at: (MARGIN, top),
        size: FULL,
        across: low..high,
        up: 0..most + most / 12 + 1,
        names: (0, 5),
        name_across: &name_of_step,
        name_up: &|count| count.to_string(),
    };
    let panel = Panel::draw(&mut picture, &axes);
    let below = panel.bottom() + LINE;
    let mut free = i32::MIN;
    for (from, until, count) in &buckets {
        let why = format!(
            "{count} waited from {} to less than {}",
            name(*from),
            name(*until)
        );
        let (left, right) = (thousand_log10(*from), thousand_log10(*until));
        if *count > 0 {
            let style = Style::Series(0);
            panel
                .bar(&mut picture, (left, right), *count, style)
                .because(why);
            let middle = (panel.x(left) + panel.x(right)) / 2;
            panel.number(&mut picture, middle, *count);
        }
        let text = name(*from);
        let wide = letters::width(&text, 10);
        if panel.x(left) - wide / 2 > free {
            picture.text_at((panel.x(left), below), Anchor::Middle, text, Style::Faint);
            free = panel.x(left) + wide / 2 + 4;
        }
    }
    let y = top + FULL.1 + 16;
    picture.text((MARGIN, y), latencies.to_string(), Style::Ink);
    let said = "each bar goes to the beginning of the next: 1, 2 and 5 of each power of ten";
    picture.text((MARGIN, y + LINE), said, Style::Faint);
    picture.fit(MARGIN);
    Ok(picture)
}

/// What was acknowledged: when, and after how many nanoseconds.
fn acknowledged(
    recording: &Recording,
    wanted: &Wanted,
    span: Span,
) -> Result<Vec<(i64, u64)>, Nothing> {
    let facts = recording.facts.iter();
    let found: Vec<(i64, u64)> = facts
        .filter_map(|entry| match &entry.fact {
            Fact::Acked {
                partition,
                offset: 0..,
                latency_ns,
                ..
            } if wanted.shows(partition) => Some((millis(entry.time), *latency_ns)),
            _ => None,
        })
        .filter(|(time, _)| span.has(*time))
        .collect();
    match found.is_empty() {
        true => Err(Nothing {
            found: "no record was acknowledged in this run".to_owned(),
            expected: "a run with producers, with acks=1 or acks=all".to_owned(),
        }),
        false => Ok(found),
    }
}

/// The steps of ten around all of them.
fn ends(nanos: impl Iterator<Item = u64> + Clone) -> (i64, i64) {
    let low = thousand_log10(nanos.clone().min().unwrap_or(1)) / 1_000;
    let high = thousand_log10(nanos.max().unwrap_or(1)) / 1_000 + 1;
    (low * 1_000, high * 1_000)
}

/// As many names as make plotters name each step of ten, and no more.
fn steps_between(low: i64, high: i64) -> usize {
    usize::try_from((high - low) / 1_000 + 1).unwrap_or(2)
}

/// From, to less than, how many: from the first that holds one to the last.
fn buckets(all: &[u64]) -> Vec<(u64, u64, i64)> {
    let starts = (0..18).flat_map(|power| [1, 2, 5].map(|step| step * 10_u64.pow(power)));
    let starts: Vec<u64> = starts.collect();
    let mut counts = vec![0; starts.len()];
    for nanos in all {
        let place = starts.partition_point(|start| start <= nanos);
        counts[place.saturating_sub(1)] += 1;
    }
    let pairs = starts.windows(2).zip(counts);
    let mut buckets: Vec<_> = pairs
        .map(|(pair, count)| (pair[0], pair[1], count))
        .collect();
    let is_empty = |bucket: &(u64, u64, i64)| bucket.2 == 0;
    buckets.truncate(
        buckets
            .iter()
            .rposition(|it| !is_empty(it))
            .map_or(0, |it| it + 1),
    );
    let first = buckets.iter().position(|it| !is_empty(it)).unwrap_or(0);
    buckets.split_off(first)
}
