/** One folder for everything a run makes, and somebody who cleans up when it is gone. */
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export default function setup(): void {
  const folder = mkdtempSync(join(tmpdir(), `unroot-services-${process.pid}-`));
  // Not TMPDIR: scripts of packages would look for it inside the images that are made.
  process.env.UNROOT_SERVICES_FOLDER = folder;
  process.env.UNROOT_SERVICES_RUN = String(process.pid);
  const sweep = new URL('sweep.mjs', import.meta.url).pathname;
  // In a session of its own: Ctrl-C is for the run.
  spawn(process.execPath, [sweep, String(process.pid), folder], { detached: true, stdio: 'ignore' }).unref();
}
