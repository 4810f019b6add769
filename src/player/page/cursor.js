// Where in the run the page is: a time, and the last event that has happened. Who shows something is told when it moves.
import { end, events, goTo, upTo } from "./run.js";

export const cursor = { time: 0, event: -1, playing: false, speed: 1, ask: true };
/** Who halts it while it plays: at which time between two, or never; and what is done when it has halted, there or at the end. */
export const halts = { before: () => null, told: () => {} };
const watchers = [];
let frame = 0;
let last = 0;

export const watch = (watcher) => watchers.push(watcher);

export function tellAll() {
  goTo(cursor.event);
  for (const watcher of watchers) watcher(cursor);
}

/** To a time: after all that happened until then. */
export function toTime(time) {
  cursor.time = Math.min(Math.max(time, 0), end);
  cursor.event = upTo(events.time, cursor.time) - 1;
  tellAll();
}

/** To an event, though others may follow in the same moment. */
export function toEvent(event) {
  cursor.event = Math.min(Math.max(event, -1), events.count - 1);
  cursor.time = cursor.event < 0 ? 0 : events.time[cursor.event];
  tellAll();
}

function step(now) {
  if (!cursor.playing) return;
  const passed = Math.min(now - last, 100) * 1000 * cursor.speed;
  last = now;
  const halt = halts.before(cursor.time, Math.min(cursor.time + passed, end));
  const to = halt ?? cursor.time + passed;
  cursor.playing = halt === null && to < end;
  toTime(to);
  if (halt !== null || to >= end) halts.told(halt === null);
  if (cursor.playing) frame = requestAnimationFrame(step);
}

export function play() {
  if (cursor.playing) return pause();
  if (cursor.time >= end) toTime(0);
  cursor.playing = true;
  last = performance.now();
  frame = requestAnimationFrame(step);
  tellAll();
}

export function pause() {
  if (!cursor.playing) return;
  cursor.playing = false;
  cancelAnimationFrame(frame);
  tellAll();
}

/** `#t=12.004` or, of several events in one moment, `#t=12.004&e=57`; with `ask=off` nothing is asked. */
export function fromLink(hash) {
  const said = new URLSearchParams(hash.slice(1));
  if (said.has("ask")) cursor.ask = said.get("ask") !== "off";
  const [time, event] = [said.get("t"), said.get("e")];
  if (!/^[0-9.]+$/.test(time ?? "")) return false;
  if (/^\d+$/.test(event ?? "") && Number(event) < events.count) toEvent(Number(event));
  else toTime((Number(time) || 0) * 1e6);
  return true;
}

export const link = () => "#t=" + (cursor.time / 1e6).toFixed(6) + (cursor.event < 0 ? "" : "&e=" + cursor.event) + (cursor.ask ? "" : "&ask=off");
