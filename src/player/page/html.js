// Small helpers for making parts of the page: nothing that a run says is taken for markup.
export const byId = (id) => document.getElementById(id);

const MARKUP = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
export const esc = (text) => String(text).replace(/[&<>"]/g, (it) => MARKUP[it]);

/** 12.004 s, with three digits more if asked. */
export const seconds = (micros, digits = 3) => (micros / 1e6).toFixed(digits) + " s";

/** Names in the order of the numbers in them: broker-2 before broker-10. */
export const byNumber = (a, b) => a.localeCompare(b, "en", { numeric: true });

export const span = (micros) => (micros < 1000 ? micros + " µs" : micros < 1e6 ? (micros / 1000).toFixed(1) + " ms" : seconds(micros, 1));

const shown = new WeakMap();
/** Puts markup into an element, unless it has it already. */
export function put(element, markup) {
  if (shown.get(element) === markup) return;
  shown.set(element, markup);
  element.innerHTML = markup;
}

export const epoch = (number) => "e" + (((number % 8) + 8) % 8);

/** As much of a text as fits, at so many pixels a letter. */
export const cut = (text, width, letter = 6.8) => {
  const most = Math.max(Math.floor(width / letter), 3);
  return text.length > most ? text.slice(0, most - 1) + "…" : text;
};

export const text = (x, y, words, kind = "", anchor = "start") =>
  `<text x="${x}" y="${y}" class="${kind}" text-anchor="${anchor}">${esc(words)}</text>`;

export const drawing = (width, height, label, parts) =>
  `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${esc(label)}">${parts}</svg>`;

const rooms = new Map();
/** The room that a part of the page has. It is asked for once: to measure in the middle of writing is what is slow. */
export const roomOf = (element) => {
  if (!rooms.has(element)) rooms.set(element, { width: Math.max(Math.floor(element.clientWidth), 280), height: element.clientHeight });
  return rooms.get(element).width;
};
export const heightOf = (element) => (roomOf(element), rooms.get(element).height);
export const forgetRooms = () => rooms.clear();

export const topicOf = (partition) => partition.replace(/-\d+$/, "");
