/**
 * Stacks as people publish them, as root and as `fix` leaves them. One of them runs each time; `npm run test:stacks` runs all, UNROOT_STACKS names some.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProjectProveReport, TextFixReport, WhoReport } from '../../../src/report/report.ts';
import { freshDist } from '../../support/build.ts';
import { schemaErrors, unroot } from '../../support/cli.ts';
import { prepare, whyNoStacks } from './prepare.ts';
import { STACKS } from './stacks.ts';

const asked = process.env.UNROOT_STACKS ?? 'queue-worker';
const chosen = STACKS.filter(({ name }) => asked === 'all' || asked.split(',').includes(name));
const home = join(tmpdir(), `unroot-stacks-${process.pid}-${Date.now()}`);
const MINUTES = { timeoutMs: 900_000 };

if (whyNoStacks !== undefined) console.warn(`SKIPPED: stacks: ${whyNoStacks}`);

afterAll(() => rmSync(home, { recursive: true, force: true }));

describe.skipIf(whyNoStacks !== undefined)('stacks', () => {
  beforeAll(() => freshDist());

  it.each(chosen)(
    '$name does as uid 10001 what it does as root',
    async (stack) => {
      const folder = join(home, stack.name, 'project');
      mkdirSync(folder, { recursive: true });
      const images = await prepare(stack, folder);
      const file = join(folder, readdirSync(folder).find((name) => /compose\.ya?ml$/.test(name)) as string);
      const probe = stack.probe === undefined ? [] : ['--probe', stack.probe];
      const report = await proved([file, ...images, ...probe]);
      const root = report.services.filter(({ before }) => before.user.startsWith('0:')).map(({ name }) => name);
      expect(root).not.toEqual([]);
      for (const { name, after } of report.services) {
        expect([name, after.user]).toEqual([name, '10001:10001']);
        for (const { uids } of after.processes) expect([name, ...new Set(uids)]).toEqual([name, 10001]);
      }
      if (asked === 'queue-worker') return;

      const out = join(home, stack.name, 'fixed');
      const fixing = ['fix', file, '--write', '--prove', '--out', out, '--tag', 'localhost/{name}:{tag}-nonroot'];
      const { stdout, stderr } = await unroot([...fixing, '-o', 'json', ...images, ...probe], MINUTES);
      expect(stdout, stderr).not.toBe('');
      const fixed = JSON.parse(stdout) as TextFixReport;
      expect(schemaErrors('fix', fixed)).toEqual([]);
      expect(fixed.containers.filter(({ outcome, verdict }) => outcome === 'changed' && verdict !== 'proved')).toEqual([]);
      const layouts = fixed.containers.flatMap(({ image = '', layout }) =>
        layout === undefined ? [] : ['--image', `localhost/${image.split(':').join(':')}-nonroot=oci:${layout}`],
      );
      const given = [...images, ...layouts];
      const who = JSON.parse((await unroot(['who', '-o', 'json', file, ...given])).stdout) as WhoReport;
      const still = who.containers.filter(({ name, uid }) => uid === 0 && !name.endsWith('-volumes-init') && !isIdle(name));
      expect(still.map(({ name }) => name)).toEqual([]);
      const after = await proved([file, ...given, ...probe]);
      const others = after.services.filter(({ name }) => !name.endsWith('-volumes-init'));
      expect(others.map(({ before }) => before.user.split(':')[0])).not.toContain('0');
      // Nothing is left to do.
      expect(after.files).toEqual([]);
    },
    1_800_000,
  );
});

/** Of a profile that nobody asked for. */
const isIdle = (name: string): boolean => name === 'debug';

async function proved(args: readonly string[]): Promise<ProjectProveReport> {
  const { stdout, stderr, code } = await unroot(['prove', '-o', 'json', ...args], MINUTES);
  expect(stdout, stderr).not.toBe('');
  const report = JSON.parse(stdout) as ProjectProveReport;
  expect(schemaErrors('prove', report)).toEqual([]);
  const open = report.services.flatMap(({ name, verdict, reasons }) =>
    verdict === 'proved' ? [] : reasons.filter(({ kind }) => kind !== 'ok').map(({ text }) => `${name}: ${text}`),
  );
  expect([report.verdict, code, open]).toEqual(['proved', 0, []]);
  return report;
}
