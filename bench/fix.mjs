// The main job on nginx: `unroot fix` from the image to the written result, its proof included, on every engine of this machine.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, summary } from './measure.mjs';

const GOAL_MS = 10_000;

/** Rows of the table. `all` is what bench/support.mjs bundles. */
export async function fixRows({ nginx, detectEngines, startDockerd, whyNoDockerd }, cli, rounds, skipped) {
  const target = `docker-archive:${(await nginx()).dockerArchive()}`;
  const engines = (await detectEngines()).filter((status) => status.kind !== 'docker' && status.kind !== 'crun');
  for (const { kind, available, reason, install } of engines)
    if (!available) skipped.push(`fix with ${kind}: ${reason} (${install ?? ''})`);
  if (whyNoDockerd !== undefined) skipped.push(`fix with docker: ${whyNoDockerd}`);
  const daemon = whyNoDockerd === undefined ? await startDockerd() : undefined;
  const kinds = [...engines.filter(({ available }) => available).map(({ kind }) => kind), ...(daemon ? ['docker'] : [])];
  const out = mkdtempSync(join(tmpdir(), 'unroot-bench-fix-'));
  const times = new Map(kinds.map((kind) => [kind, []]));
  try {
    for (let round = 0; round < rounds; round++) {
      for (const kind of kinds) {
        const folder = join(out, kind);
        rmSync(folder, { recursive: true, force: true });
        const env = { ...process.env, ...(kind === 'docker' ? daemon.environment : {}) };
        const command = [process.execPath, cli, 'fix', target, '--engine', kind, '--out', folder];
        times.get(kind).push(run(command, { env, accept: [0, 1] }).ms);
        const { verdict } = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8'));
        if (verdict !== 'proved') throw new Error(`fix with ${kind}: ${verdict}`);
      }
    }
  } finally {
    rmSync(out, { recursive: true, force: true });
    await daemon?.stop();
  }
  return kinds.map((kind) => {
    const { median, fastest } = summary(times.get(kind));
    const detail = `proved; fastest ${(fastest / 1000).toFixed(1)} s`;
    return {
      what: `\`unroot fix\` of nginx with its proof, ${kind}`,
      value: median / 1000,
      unit: 's',
      goal: GOAL_MS / 1000,
      detail,
    };
  });
}
