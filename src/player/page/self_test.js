// For the page's own test (tests/player): how long it takes from an input to the end of its handler, and whether a state
// is the same whichever way one comes to it.
import { all, end, events, goTo, named } from "./run.js";
import { cursor, tellAll, toEvent, toTime } from "./cursor.js";
import { stepBy } from "./events.js";

const KINDS = ["process", "state", "role", "start", "hw", "end", "epochs", "position", "owner", "committed", "znode", "links", "tables", "watches"];

window.trialSelfTest = () => {
  const [was, time] = [cursor.event, cursor.time];
  const times = [];
  // The least of three, each from elsewhere: what else the machine does in the meantime is no part of it.
  const timed = (does) => {
    const taken = [1, 2, 3].map((round) => {
      if (round > 1) toEvent((events.count * round) >> 2);
      const begin = performance.now();
      does();
      return performance.now() - begin;
    });
    times.push(Math.min(...taken));
  };
  const stateAt = (event) => {
    goTo(event);
    return JSON.stringify(KINDS.map((kind) => all(kind)));
  };
  let differ = 0;
  for (let i = 0; i <= 20; i++) {
    const event = Math.floor(((events.count - 1) * i) / 20);
    goTo(-1);
    for (let at = 0; at <= event; at++) goTo(at);
    const forward = stateAt(event);
    goTo(events.count - 1);
    const jumped = stateAt(event);
    for (let at = Math.min(event + 300, events.count - 1); at >= event; at--) goTo(at);
    if (forward !== jumped || forward !== stateAt(event)) differ++;
  }
  tellAll();
  for (let i = 0; i < 100; i++) timed(() => toTime((end * ((i * 37) % 100)) / 100));
  for (let i = 0; i < 100; i++) timed(() => stepBy(i % 2 ? -1 : 1));
  times.sort((a, b) => a - b);
  toEvent(was);
  if (time > cursor.time) toTime(time);
  return { events: events.count, replicas: named("end").length, inputs: times.length, median: times[times.length >> 1], usual: times[Math.floor(times.length * 0.98)], worst: times.at(-1), differ };
};
