// The log of every replica at the cursor: a cell an offset, in the colour and with the number of its leader epoch; what is
// not committed as far as the replica knows is hatched.
import { all, named, value } from "./run.js";
import { byId, byNumber, drawing, epoch, esc, put, roomOf, text } from "./html.js";
import { partitions } from "./filter.js";

const LEFT = 96;
const CELL = 26;
const ROW = 46;
const MOST = 6;


function epochAt(epochs, offset) {
  let found = null;
  for (const [from, number] of epochs ?? []) if (from <= offset) found = number;
  return found;
}

function replica(name, partition, { first, last, wide }, y, isr) {
  const [start, hw, end] = ["start", "hw", "end"].map((kind) => value(kind, name, partition) ?? 0);
  const role = value("role", name, partition);
  const epochs = value("epochs", name, partition);
  const x = (offset) => LEFT + (offset - first) * CELL;
  let cells = "";
  for (let offset = Math.max(first, start); offset < Math.min(end, last); offset++) {
    const of = epochAt(epochs, offset);
    const cell = `data-partition="${esc(partition)}" data-offset="${offset}" data-epoch="${of ?? ""}"`;
    const at = `x="${x(offset)}" y="${y + 2}" width="${CELL - 2}" height="22" ${cell}`;
    cells += `<rect class="cell ${of === null ? "" : epoch(of)}" ${at} ${of === null ? 'fill="none"' : ""}/>`;
    if (offset >= hw) cells += `<rect class="hatch" ${at}/>`;
    cells += text(x(offset) + CELL / 2 - 1, y + 17, offset % 1000, offset >= hw ? "on hatched" : of === null ? "" : "on " + epoch(of), "middle");
  }
  if (end > 0 && end <= first) cells += text(LEFT, y + 17, `◂ ends at ${end}, before what is drawn`, "faint");
  const mark = (offset, words) =>
    offset >= first && offset <= last ? `<path class="mark" d="M${x(offset) - 1} ${y - 1}v28"><title>${words}</title></path>` : "";
  const id = Number(name.slice("broker-".length));
  const what = role === null ? "not running" : role[0] === "leader" ? `leads, e${role[1]}` : `follows ${role[2]}`;
  const inSync = isr && isr.includes(id);
  return (
    text(0, y + 12, name, "name") + text(0, y + 27, what, role === null ? "bad" : "faint") + cells + mark(hw, "high watermark") +
    text(wide ? LEFT : 0, y + 39, `start ${start}, committed below ${hw}, end ${end}${isr ? (inSync ? ", in sync" : ", out of the ISR") : ""}`, isr && !inSync ? "bad" : "faint")
  );
}

export function showLogs() {
  const place = byId("logs");
  const width = roomOf(place);
  const of = new Map();
  for (const { of: name, and } of all("end")) of.set(and, [...(of.get(and) ?? []), name]);
  const { shown, more } = partitions([...of.keys()].sort(byNumber), MOST);
  const columns = Math.min(Math.max(Math.floor((width - LEFT) / CELL), 6), 24);
  let out = `<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs><pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse"><path d="M0 5L5 0" stroke="#000" stroke-width="1.6"/></pattern></defs></svg>`;
  for (const partition of shown) {
    const names = of.get(partition).sort(byNumber);
    const last = Math.max(...names.map((name) => value("end", name, partition)), 0);
    const first = Math.max(last - columns, 0);
    const state = value("state", partition);
    const rows = names.map((name, i) => replica(name, partition, { first, last, wide: width > 420 }, i * ROW, state?.[2])).join("");
    const label = names.map((name) => `${name}: start ${value("start", name, partition) ?? 0}, high watermark ${value("hw", name, partition) ?? 0}, end ${value("end", name, partition)}`).join("; ");
    const said = state ? `leader ${state[0] < 0 ? "nobody" : "broker-" + state[0]}, epoch ${state[1]}, ISR ${state[2].join(",") || "nobody"}` : "";
    out += `<h3>${esc(partition)} <span class="faint">${esc(said)}${first > 0 ? `; offsets below ${first} are not drawn` : ""}</span></h3>` + drawing(width, names.length * ROW, label, rows);
  }
  if (more > 0 && shown.length) out += `<p class="note">${more} more partitions: choose a topic in the filter of events.</p>`;
  put(place, shown.length ? out : `<p class="faint">${named("end").length ? "No log of an application's topic yet." : "This run has no logs."}</p>`);
}
