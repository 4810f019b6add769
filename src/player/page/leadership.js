// Who led each partition and who was in sync, over the whole run: a thick bar leads, a thin one is in sync, none is out;
// below, what became of writes with acks=all. Drawn once for a choice of partitions; only the cursor moves.
import { end, events, history, named, words } from "./run.js";
import { byId, cut, drawing, epoch, esc, put, roomOf, seconds, text } from "./html.js";
import { partitions } from "./filter.js";

const LEFT = 96;
const ROW = 22;
const MOST = 4;
let drawn = "";

const spans = (told) => told.map(([from, value], i) => ({ from, until: told[i + 1]?.[0] ?? end, value }));
const slotOf = (kind, of) => named(kind).find((it) => it.of === of)?.slot;

function partitionRows(partition, top, x) {
  const states = spans(history(slotOf("state", partition)));
  const replicas = [...new Set(states.flatMap(({ value }) => value?.[2] ?? []))].sort((a, b) => a - b);
  let out = text(0, top + 15, partition, "name");
  replicas.forEach((id, i) => {
    const y = top + (i + 1) * ROW;
    out += text(LEFT - 8, y + 15, `broker-${id}`, "faint", "end");
    const bars = [];
    for (const { from, until, value } of states) {
      if (!value || !value[2].includes(id)) continue;
      const [leads, last] = [value[0] === id, bars.at(-1)];
      if (last && last.until === from && last.leads === leads && last.epoch === value[1]) last.until = until;
      else bars.push({ from, until, leads, epoch: value[1] });
    }
    for (const bar of bars) {
      const wide = Math.max(x(bar.until) - x(bar.from), 1);
      out += `<rect class="cell ${epoch(bar.epoch)}" x="${x(bar.from)}" y="${y + (bar.leads ? 3 : 8)}" width="${wide}" height="${bar.leads ? 16 : 6}"><title>broker-${id} ${bar.leads ? "leads" : "is in sync"}, leader epoch ${bar.epoch}, ${seconds(bar.from)} to ${seconds(bar.until)}</title></rect>`;
      if (bar.leads && wide > 26) out += text(x(bar.from) + 4, y + 15, "e" + bar.epoch, "on " + epoch(bar.epoch));
    }
  });
  const y = top + (replicas.length + 1) * ROW;
  out += text(LEFT - 8, y + 15, "acks=all", "faint", "end");
  const writes = slotOf("writes", partition);
  for (const { from, until, value } of writes === undefined ? [] : spans(history(writes))) {
    const wide = x(until) - x(from);
    if (value === null || wide <= 0) continue;
    out += `<rect class="cell ${value.split(" ")[0]}" x="${x(from)}" y="${y + 4}" width="${wide}" height="14"><title>${value}, ${seconds(from)} to ${seconds(until)}</title></rect>`;
    if (wide > value.length * 7 + 6) out += text(x(from) + 4, y + 15, value);
  }
  return [out, (replicas.length + 2) * ROW + 8];
}

function draw(place, width, shown, more) {
  const x = (time) => Math.round(LEFT + (time / end) * (width - LEFT - 4));
  let [out, y] = ["", 4];
  for (const partition of shown) {
    const [rows, high] = partitionRows(partition, y, x);
    out += rows;
    y += high;
  }
  for (let event = 0; event < events.count; event++) {
    if (events.isFault(event)) {
      const at = x(events.time[event]);
      out += `<path class="faultline" d="M${at} 0V${y}"><title>${esc(words[events.text[event]])}</title></path>`;
    }
  }
  for (const part of [0, 0.25, 0.5, 0.75, 1]) {
    const anchor = part === 0 ? "start" : part === 1 ? "end" : "middle";
    out += text(x(end * part), y + 12, seconds(end * part, 1), "faint", anchor);
  }
  out += `<path id="leadership-cursor" class="cursor" d="M0 0V${y}"/>`;
  const note = "thick: leads; thin: in sync; none: out; e1: leader epoch 1; dashed red: a fault" + (more > 0 ? `; ${more} more partitions: choose a topic in the filter of events` : "");
  put(place, drawing(width, y + 18, cut("Leaders and in-sync replicas over time of " + shown.join(", "), 900), out) + `<p class="note">${note}</p>`);
}

export function showLeadership(cursor) {
  const place = byId("leadership");
  const width = roomOf(place);
  const { shown, more } = partitions(named("state").map((it) => it.of).sort((a, b) => a.localeCompare(b, "en", { numeric: true })), MOST);
  if (!shown.length) return put(place, '<p class="faint">No partition had a leader in this run.</p>');
  const asked = width + " " + shown.join();
  if (asked !== drawn) draw(place, width, shown, more);
  drawn = asked;
  const at = Math.round(LEFT + (cursor.time / end) * (width - LEFT - 4));
  byId("leadership-cursor").setAttribute("transform", `translate(${at} 0)`);
}
