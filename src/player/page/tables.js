// What Kafka's own tools would print at the cursor, to the character. The lines that the current event changed are marked.
import { all, changedBy, data, words } from "./run.js";
import { byId, esc, put } from "./html.js";

export function showTables(cursor) {
  const place = byId("tables");
  if (!data.batches) return put(place, '<p class="faint">A trace does not hold what the tools would have printed: play the scenario itself.</p>');
  const changed = new Set(changedBy(cursor.event).filter(([kind]) => kind === "tables").map(([, line]) => line));
  const lines = all("tables").sort((a, b) => a.of - b.of);
  const line = ({ of, value }) => (changed.has(of) ? `<span class="changed">${esc(words[value])}</span>` : esc(words[value]));
  if (!lines.length) return put(place, '<p class="faint">Nothing has happened yet.</p>');
  put(place, `<pre class="scroll" tabindex="0" role="region" aria-label="Tables of Kafka’s tools">${lines.map(line).join("\n")}</pre>`);
}
