/** An image that insists on an account and on folders of its own, for any uid: the fixed image under podman as uids that nobody knew, each on an empty volume and again on what is
 * there then. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FixReport } from '../../src/report/report.ts';
import { freshDist } from '../support/build.ts';
import { unroot } from '../support/cli.ts';
import { debianImage, type ImageRecipe, onPath, whyNoDebianImages } from '../support/debian-image.ts';
import { sh } from './client.ts';
import { asked, asReported, inStore, podman } from './run.ts';
import { RUN_FOLDER, RUN_TAG } from './run-tag.ts';
import { SERVICES } from './services.ts';

const lacking = ['podman', 'runc', 'skopeo', 'strace'].filter((program) => !onPath(program));
const why = whyNoDebianImages() ?? (lacking.length > 0 ? `apt-get install -y ${lacking.join(' ')}` : undefined);
if (why !== undefined) console.warn(`SKIPPED: services as any uid: ${why}`);

let folder = '';
beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(RUN_FOLDER, 'unroot-any-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const DATA = '/var/lib/postgresql/data';
const INSERT =
  '-c "create table if not exists t (x text)" -c "insert into t values (\'stored\')" -c "select count(*) as rows from t"';
const psql = sh(`psql -h 127.0.0.1 -U postgres -d app ${INSERT}`);

describe.skipIf(why !== undefined)('as any uid', () => {
  it('postgres makes its database on an empty volume, and finds it there again', { timeout: 600_000 }, async () => {
    const recipe = SERVICES.find(({ name }) => name === 'postgres') as ImageRecipe;
    const { reference } = await debianImage(recipe);
    const out = join(folder, 'postgres');
    const flags = ['--user', 'arbitrary', '--engine', 'runc', '--platform-profile', 'podman', '--out', out, '-o', 'json'];
    const { stdout, stderr } = await unroot(['fix', reference, ...flags], { timeoutMs: 400_000 });
    expect(stdout, stderr).toMatch(/^\{/);
    const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as FixReport;
    // A database of the former image lies where the new one does not look, which is said.
    const points = (report.proof?.reasons ?? [])
      .filter(({ kind }) => kind === 'bad' || kind === 'unsure')
      .map(({ text }) => text);
    expect(points).toEqual([expect.stringMatching(/^over what the first run left in .* it opens none of it/)]);
    expect(report.verdict).toBe('inconclusive');
    const tag = `localhost/unroot-old-any:${RUN_TAG}`;
    await inStore(`oci:${out}/image`, tag, async () => {
      for (const uid of [1_234_567, 7_654_321]) {
        const volume = `unroot-old-any-${uid}-${RUN_TAG}`;
        const how = asReported({ ...report.run, user: `${uid}:0` });
        try {
          for (const rows of [1, 2]) {
            const client = { image: tag, questions: { ask: [psql], says: new RegExp(`rows *\\n-+\\n +${rows}\\n`) } };
            const answer = await asked(tag, client, {
              flags: [...how.flags, `--volume=${volume}:${DATA}`],
              words: how.words,
              patienceMs: 40_000,
            });
            expect(answer.works, `uid ${uid}: ${answer.said}\n${answer.log}`).toBe(true);
            expect(answer.uids).toEqual([`${uid}`]);
          }
        } finally {
          podman('volume', 'rm', '--force', volume);
        }
      }
    });
  });
});
