// run.mjs WASM SCENARIO...: runs each scenario's file and prints a line each, as in snapshots/digests.snap.
import { readFileSync } from "node:fs";
import { basename } from "node:path";

const [wasm, ...scenarios] = process.argv.slice(2);
const { exports } = (await WebAssembly.instantiate(readFileSync(wasm), {})).instance;
for (const scenario of scenarios) {
  const file = readFileSync(scenario);
  const start = exports.room(file.length);
  new Uint8Array(exports.memory.buffer, start, file.length).set(file);
  const digest = BigInt.asUintN(64, exports.digest());
  console.log(`${basename(scenario, ".yaml")} ${digest.toString(16).padStart(16, "0")}`);
}
