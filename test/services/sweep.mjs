/**
 * Beside the run of the service tests, as a process of its own: when the run is gone, however it went (end, Ctrl-C, SIGTERM, SIGKILL), whatever it
 * started and left is ended and taken away. `sweep.mjs PID FOLDER`: containers, images and volumes carry the pid in their names.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

const [run, folder] = [Number(process.argv[2]), process.argv[3]];
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});

/** Parent and start time (proc_pid_stat(5), fields 4 and 22): a pid alone may be somebody else's by then. */
function look(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return fields[0] === 'Z' ? undefined : { parent: Number(fields[1]), started: fields[19] };
  } catch {
    return undefined;
  }
}

/** Everything that came of the run while it lived, by pid. */
const known = new Map();
const began = look(run)?.started;
const lives = () => look(run)?.started === began && began !== undefined;
while (lives()) {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => [Number(name), look(name)]);
  for (let more = true; more; ) {
    more = false;
    for (const [pid, one] of all)
      if (one && pid !== process.pid && !known.has(pid) && (one.parent === run || known.has(one.parent))) {
        known.set(pid, one.started);
        more = true;
      }
  }
  for (const [pid, started] of known) if (look(pid)?.started !== started) known.delete(pid);
  await wait(500);
}

const left = () => [...known].filter(([pid, started]) => look(pid)?.started === started).map(([pid]) => pid);
const signal = (name) => {
  for (const pid of left())
    try {
      process.kill(pid, name);
    } catch {
      // gone in this moment
    }
};
signal('SIGTERM');
// unroot takes its own containers away when it is asked to end.
for (let tries = 0; tries < 40 && left().length > 0; tries++) await wait(500);
signal('SIGKILL');

const podman = (...args) => spawnSync('podman', args, { encoding: 'utf8', timeout: 120_000 }).stdout ?? '';
const lines = (text) => text.split('\n').filter((line) => line !== '');
for (let round = 0; round < 2; round++) {
  for (const name of lines(podman('ps', '--all', '--format', '{{.Names}}')))
    if (name.startsWith(`unroot-service-${run}-`)) podman('rm', '--force', '--time=1', '--volumes', name);
  for (const name of lines(podman('images', '--format', '{{.Repository}}:{{.Tag}}')))
    if (new RegExp(`/unroot-(?:service|old)-[^:]*:${run}(?:-fixed)?$`).test(name)) podman('rmi', '--force', name);
  for (const name of lines(podman('volume', 'ls', '--format', '{{.Name}}')))
    if (new RegExp(`^unroot-old-.*-${run}$`).test(name)) podman('volume', 'rm', '--force', name);
  await wait(1000);
}
rmSync(folder, { recursive: true, force: true });
