// Groups at the cursor as Kafka's own tool shows them, with what its members have read and done beside; and consumers that
// belong to no group.
import { all, value } from "./run.js";
import { byId, byNumber, esc, put } from "./html.js";
import { filter } from "./filter.js";

const MOST = 24;

/** Where each partition's log ends: that of who leads in the newest epoch, or the furthest that anybody says. */
function ends() {
  const found = new Map();
  for (const { of, and, value: end } of all("end")) {
    const [role, epoch] = value("role", of, and) ?? [];
    const leads = role === "leader" ? epoch : -1;
    const known = found.get(and);
    if (!known || leads > known.leads || (leads === known.leads && end > known.end)) found.set(and, { end, leads });
  }
  return found;
}

const number = (it) => `<td class="number">${it ?? "-"}</td>`;

function table(heads, rows) {
  const head = heads.map((name, i) => `<th scope="col"${i > 0 && i < heads.length - 1 ? ' class="number"' : ""}>${name}</th>`).join("");
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

function group(name, logEnds) {
  const own = (kind) => all(kind).filter((it) => it.of === name).map((it) => it.and);
  const names = [...new Set([...own("owner"), ...own("committed"), ...own("processed")])].sort(byNumber);
  const wanted = names.filter((it) => !filter.topic || it.startsWith(filter.topic));
  const rows = wanted.slice(0, MOST).map((partition) => {
    const owner = value("owner", name, partition);
    const committed = value("committed", name, partition);
    const end = logEnds.get(partition)?.end ?? null;
    const lag = committed === null || end === null ? null : end - committed;
    const position = owner === null ? null : value("position", owner, partition);
    return `<tr><th scope="row">${esc(partition)}</th>${number(committed)}${number(end)}${number(lag)}${number(position)}${number(value("processed", name, partition))}<td>${esc(owner ?? "nobody")}</td></tr>`;
  });
  const state = value("group", name);
  const more = wanted.length > MOST ? `<p class="note">${wanted.length - MOST} more partitions.</p>` : "";
  const said = state ? `${state[0]}, generation ${state[1]}, members: ${state[2]}` : "reads by hand";
  return `<h3>${esc(name)} <span class="faint">${esc(said)}</span></h3>` + table(["PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG", "position", "processed", "reader"], rows) + more;
}

export function showGroups() {
  const logEnds = ends();
  const names = [...new Set([...all("group"), ...all("owner"), ...all("committed")].map((it) => it.of))].sort(byNumber);
  const owners = new Set(all("owner").map((it) => it.value + " " + it.and));
  const alone = all("position").filter((it) => !owners.has(it.of + " " + it.and) && (!filter.topic || it.and.startsWith(filter.topic)));
  const rows = alone.slice(0, MOST).map(({ of, and, value: position }) => {
    const end = logEnds.get(and)?.end ?? null;
    return `<tr><th scope="row">${esc(of)}</th><td class="number">${esc(and)}</td>${number(position)}${number(end)}<td class="number">${end === null ? "-" : end - position}</td></tr>`;
  });
  const without = rows.length ? "<h3>Consumers without a group</h3>" + table(["consumer", "partition", "position", "log end", "behind"], rows) : "";
  put(byId("groups"), names.map((name) => group(name, logEnds)).join("") + without || '<p class="faint">Nobody reads yet.</p>');
}
