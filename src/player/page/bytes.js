// The bytes of a batch: to the left as they lie on disk, to the right its fields in words. Which is meant in the one is
// marked in the other.
import { data, words } from "./run.js";
import { byId, esc, put, roomOf } from "./html.js";

const batches = data.batches;
// Bytes of a field that are shown, at most.
const MOST = 96;
const byPartition = new Map();
for (const [partition, first, last, epoch, hex, bits, header, records, packed] of batches?.list ?? []) {
  const name = words[partition];
  if (!byPartition.has(name)) byPartition.set(name, []);
  byPartition.get(name).push({ first, last, epoch, hex, bits, header, records, packed });
}
let fields = [];

/** Fields of a flat list, with where they lie. */
function placed(flat, from) {
  const found = [];
  for (let i = 0; i < flat.length; i += 3) {
    const [name, why] = batches.fields[flat[i]];
    found.push({ name, why, from, to: from + flat[i + 1], says: words[flat[i + 2]] });
    from += flat[i + 1];
  }
  return found;
}

const varint = (says) => Number(says.split(":")[0]);

/** The batch taken apart: its header, and the record at an offset. */
function parts(batch, offset) {
  const header = placed(batch.header, 0);
  let from = header.at(-1).to;
  let meant = null;
  batch.records.forEach((flat, i) => {
    const record = placed(flat, from);
    from = record.at(-1).to;
    const delta = record.find((it) => it.name === "offsetDelta");
    if (batch.first + varint(delta.says) === offset) meant = { record, number: i + 1 };
  });
  const packed = batch.packed ? [{ name: "records", why: "records: all of them packed as one: compression.type", from, to: from + batch.packed, says: `${batch.packed} packed bytes` }] : [];
  return { header, meant, packed };
}

function hexRows(batch, wide) {
  let [out, at] = ["", 0];
  const gap = (to) => (to > at ? `<div class="gap faint">… ${to - at} bytes of other records</div>` : "");
  const cell = (i, field, first) =>
    `<span class="byte${first ? " first" : ""}${i >= batches.covered ? " covered" : ""}" data-field="${field}">${batch.hex.slice(2 * i, 2 * i + 2)}</span>`;
  let row = [];
  const flush = () => {
    if (row.length) out += `<div class="hexrow"><span class="place faint">${row[0].i}</span>${row.map(({ i, field, first }) => cell(i, field, first)).join("")}</div>`;
    row = [];
  };
  fields.forEach((it, field) => {
    if (it.from > at) {
      flush();
      out += gap(it.from);
    }
    const shown = Math.min(it.to, it.from + MOST);
    for (let i = it.from; i < shown; i++) {
      row.push({ i, field, first: i === it.from });
      if (row.length === wide) flush();
    }
    at = it.to;
    if (shown < it.to) {
      flush();
      out += `<div class="gap faint">… ${it.to - shown} more bytes of ${it.name}</div>`;
    }
  });
  flush();
  return out + gap(batch.hex.length / 2);
}

function option(field, more = "") {
  const it = fields[field];
  const size = it.to - it.from;
  return `<li role="option" id="field-${field}" aria-selected="false" data-field="${field}"><span class="name">${it.name}</span> <span class="faint">(${size} B at ${it.from})</span> <span class="mono says">${esc(it.says)}</span>${more}</li>`;
}

function list({ header, meant, packed }, batch) {
  const bits = `<ul class="plain faint">${batch.bits.map((line) => `<li>${esc(words[line])}</li>`).join("")}</ul>`;
  const ofHeader = header.map((it, i) => option(i, it.name === "attributes" ? bits : "")).join("");
  const rest = [...(meant?.record ?? []), ...packed].map((_, i) => option(header.length + i)).join("");
  const title = meant ? `record ${meant.number} of ${batch.records.length}` : batch.packed ? "its records" : "no record: compaction or a marker has taken it";
  const group = (label, items) => `<li role="presentation"><h4>${label}</h4><ul role="group" aria-label="${label}">${items}</ul></li>`;
  return `<ul id="fields" role="listbox" tabindex="0" aria-label="Fields of the batch">${group(`batch header, ${header.at(-1).to} bytes`, ofHeader)}${group(title, rest)}</ul>`;
}

/** Marks a field in both, and says what it is for. Who points at bytes finds the field in the list. */
function mark(field, isSought) {
  const place = byId("bytes");
  for (const lit of place.querySelectorAll(".lit")) lit.classList.remove("lit");
  for (const it of place.querySelectorAll(`[data-field="${field}"]`)) it.classList.add("lit");
  place.querySelector('[aria-selected="true"]')?.setAttribute("aria-selected", "false");
  const [list, it] = [byId("fields"), byId("field-" + field)];
  it.setAttribute("aria-selected", "true");
  list.setAttribute("aria-activedescendant", it.id);
  list.dataset.at = field;
  const isSeen = it.offsetTop >= list.scrollTop && it.offsetTop + it.offsetHeight <= list.scrollTop + list.clientHeight;
  if (isSought && !isSeen) list.scrollTop = it.offsetTop - list.clientHeight / 3;
  byId("bytes-why").textContent = fields[field].why;
}

const said = (words) => put(byId("bytes"), `<p class="faint">${esc(words)}</p>`);

/** Shows the bytes of what lies at an offset; of several that were there, what that leader epoch has appended. */
export function inspect(partition, offset, epoch = null) {
  if (!batches) return;
  byId("bytes-partition").value = partition;
  byId("bytes-offset").value = offset;
  const all = byPartition.get(partition) ?? [];
  const there = all.filter((it) => it.first <= offset && offset <= it.last);
  const batch = there.findLast((it) => epoch === null || it.epoch === epoch) ?? null;
  if (!batch) {
    const lacks = batches.all > batches.list.length;
    const why = lacks ? `it holds ${batches.list.length} of ${batches.all} batches that leaders have appended, since all would be too many` : "no leader has appended it in this run";
    const far = (it) => Math.abs(it.first - offset);
    const near = lacks && all.length ? all.reduce((a, b) => (far(b) < far(a) ? b : a)).first : null;
    const button = near === null ? "" : ` <button data-near="${near}">the nearest: offset ${near}</button>`;
    return put(byId("bytes"), `<p class="faint">No batch with ${esc(partition)} offset ${offset} is in this page: ${why}.${button}</p>`);
  }
  const size = batch.hex.length / 2;
  if (!batch.header) return said(`${partition} offset ${offset} lies in a message of an older format, which is not taken apart here: ${batch.hex.slice(0, 2 * MOST)}${size > MOST ? "…" : ""}`);
  const apart = parts(batch, offset);
  fields = [...apart.header, ...(apart.meant?.record ?? []), ...apart.packed];
  const wide = roomOf(byId("bytes")) > 560 ? 16 : 8;
  const others = there.length > 1 ? ` There were ${there.length} batches at this offset, one after the other: what one leader appended was cut off.` : "";
  put(
    byId("bytes"),
    `<p><span class="name">${esc(partition)} offset ${offset}</span>: a batch of ${size} bytes, offsets ${batch.first} to ${batch.last}, as the leader of epoch ${batch.epoch} appended it.${others}</p>` +
      `<div class="apart"><div class="hex" aria-hidden="true">${hexRows(batch, wide)}</div>${list(apart, batch)}</div>` +
      `<p id="bytes-why" aria-live="polite" class="note">Point at bytes or fields; ↑ and ↓ in the list.</p>` +
      `<p class="note">A line below a byte: the checksum covers it. Each leader writes its epoch, and the offset, without a new checksum: these are not covered.</p>`,
  );
}

export const hasBytes = Boolean(batches);

export function startBytes() {
  const place = byId("bytes");
  if (!batches) {
    byId("bytes-choice").hidden = true;
    return said("A trace holds no bytes: play the scenario itself.");
  }
  const names = [...byPartition.keys()].sort((a, b) => a.startsWith("__") - b.startsWith("__") || a.localeCompare(b, "en", { numeric: true }));
  byId("bytes-partition").innerHTML = names.map((name) => `<option>${esc(name)}</option>`).join("");
  said(names.length ? "Click on an offset in the logs, or choose one here." : "No leader has appended anything in this run.");
  const show = () => inspect(byId("bytes-partition").value, Number(byId("bytes-offset").value));
  byId("bytes-show").addEventListener("click", show);
  byId("bytes-offset").addEventListener("change", show);
  for (const kind of ["mouseover", "click"]) {
    place.addEventListener(kind, (it) => {
      const at = it.target.closest("[data-field]");
      if (at) mark(Number(at.dataset.field), at.matches(".byte"));
    });
  }
  place.addEventListener("click", (it) => {
    const near = it.target.closest("[data-near]")?.dataset.near;
    if (near !== undefined) inspect(byId("bytes-partition").value, Number(near));
  });
  place.addEventListener("keydown", (it) => {
    const at = Number(byId("fields")?.dataset.at ?? -1);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: fields.length - 1 }[it.key];
    if (to === undefined) return;
    it.preventDefault();
    const field = Math.min(Math.max(to, 0), fields.length - 1);
    mark(field, true);
  });
  byId("logs").addEventListener("click", (it) => {
    const cell = it.target.closest("[data-offset]");
    if (!cell) return;
    const { partition, offset, epoch } = cell.dataset;
    inspect(partition, Number(offset), epoch === "" ? null : Number(epoch));
    byId("bytes-section").scrollIntoView({ block: "nearest" });
  });
  byId("now").addEventListener("click", (it) => {
    const asked = it.target.closest("[data-bytes]")?.dataset;
    if (!asked) return;
    inspect(asked.bytes, Number(asked.offset), asked.epoch === undefined ? null : Number(asked.epoch));
    byId("bytes-title").focus({ preventScroll: true });
    byId("bytes-section").scrollIntoView({ block: "start" });
  });
}
