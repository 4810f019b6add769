// Runs the scenarios of src/lib.rs and prints a line each, as in snapshots/digests.snap.
import { readFileSync } from "node:fs";

const { instance } = await WebAssembly.instantiate(readFileSync(process.argv[2]), {});
["first-steps", "leader-crash", "zookeeper-leader-crash"].forEach((name, number) => {
  const digest = BigInt.asUintN(64, instance.exports.digest(number));
  console.log(`${name} ${digest.toString(16).padStart(16, "0")}`);
});
