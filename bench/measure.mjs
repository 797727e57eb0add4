// Runs commands in turn, so that a slow moment of the machine hits all of them, and keeps the times.
import { spawnSync } from 'node:child_process';
import { loadavg } from 'node:os';

export const has = (program) => spawnSync('sh', ['-c', 'command -v "$0"', program], { stdio: 'ignore' }).status === 0;

/** Waits up to `seconds` until nothing much else runs. */
export async function calm(seconds = 60) {
  for (let i = 0; i < seconds && loadavg()[0] > 0.7; i++) await new Promise((resolve) => setTimeout(resolve, 1000));
}

/** Runs it once; throws with its words when it fails. Returns milliseconds and what it printed. */
export function run(command, { accept = [0], env = process.env } = {}) {
  const [program, ...args] = Array.isArray(command) ? command : ['sh', '-c', command];
  const start = process.hrtime.bigint();
  const result = spawnSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env, maxBuffer: 2 ** 26 });
  const ms = Number(process.hrtime.bigint() - start) / 1e6;
  if (result.error !== undefined) throw result.error;
  if (!accept.includes(result.status))
    throw new Error(`${command} ended with ${result.status ?? result.signal}: ${result.stderr}`);
  return { ms, stdout: result.stdout.toString() };
}

/**
 * `subjects`: name to `{ command, rounds? }`; slow ones take fewer rounds. One round more warms up and does not count. Returns name to
 * `{ median, fastest }`.
 */
export function interleaved(subjects, rounds) {
  const times = new Map(Object.keys(subjects).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, subject] of Object.entries(subjects)) {
      if (round > (subject.rounds ?? rounds)) continue;
      const { ms } = run(subject.command, subject);
      if (round > 0) times.get(name).push(ms);
    }
  }
  return new Map([...times].map(([name, list]) => [name, summary(list)]));
}

export function summary(list) {
  const sorted = [...list].sort((a, b) => a - b);
  return { median: sorted[Math.floor(sorted.length / 2)], fastest: sorted[0] };
}
