/**
 * Real server software, unattended: `unroot fix` on an image that starts as root, then the result under podman with nothing but what
 * report.json says, asked by a client of its own. Slow, so it is a command of its own: `npm run test:services`; with UPDATE=1 the same images are
 * also asked as they are and simply started as uid 10001, and docs/services.md is written.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FixReport } from '../../src/report/report.ts';
import { freshDist } from '../support/build.ts';
import { unroot } from '../support/cli.ts';
import { debianImage, onPath, whyNoDebianImages } from '../support/debian-image.ts';
import { type Entry, entriesOf, entryOf, page } from './page.ts';
import { type Answer, asked, asReported, inStore } from './run.ts';
import { RUN_FOLDER, RUN_TAG } from './run-tag.ts';
import type { Service } from './service.ts';
import { AT_RANDOM, SERVICES } from './services.ts';

const lacking = ['podman', 'runc', 'skopeo', 'strace'].filter((program) => !onPath(program));
const why = whyNoDebianImages() ?? (lacking.length > 0 ? `apt-get install -y ${lacking.join(' ')}` : undefined);
if (why !== undefined) console.warn(`SKIPPED: services: ${why}`);

const only = process.env.UNROOT_SERVICES?.split(/[ ,]+/);
const chosen = SERVICES.filter(({ name }) => only === undefined || only.includes(name));
const update = process.env.UPDATE === '1';
const PAGE: string = new URL('../../docs/services.md', import.meta.url).pathname;
const PATIENCE_MS = 30_000;
/** For an image that most likely does not work. */
const UNFIXED_MS = 8_000;

/** By a run of some services the others stay as they are. */
let entries: readonly Entry[] = only !== undefined && existsSync(PAGE) ? entriesOf(readFileSync(PAGE, 'utf8')) : [];
let folder = '';
beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(RUN_FOLDER, 'unroot-services-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(why !== undefined)('services', () => {
  it('knows every service that was chosen', () => {
    expect(chosen.map(({ name }) => name).sort()).toEqual([...(only ?? chosen.map(({ name }) => name))].sort());
  });

  it.each(chosen)(
    '$name does its work as uid 10001 after one command, or it is said that it does not',
    { timeout: 600_000 },
    async (service) => {
      // A mirror may be out of reach for a moment.
      const image = await debianImage(service).catch(() => debianImage(service));
      const tag = `localhost/unroot-service-${service.name}:${RUN_TAG}`;
      await inStore(image.reference, tag, async () => {
        const asRoot = update ? await simply(tag, service, []) : undefined;
        const asUser = update ? await simply(tag, service, ['--user=10001:10001']) : undefined;
        const out = join(folder, service.name);
        const report = await fixed(image.reference, out, service);
        const { run } = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as FixReport;
        const after = await inStore(`oci:${out}/image`, `${tag}-fixed`, (result) =>
          asked(
            result,
            { image: tag, questions: service.client },
            { ...asReported(run), patienceMs: service.patienceMs ?? PATIENCE_MS },
          ),
        );
        const entry = entryOf({ service, report, after, ...(asRoot ? { asRoot } : {}), ...(asUser ? { asUser } : {}) });
        entries = [...entries.filter(({ name }) => name !== entry.name), entry];
        rmSync(out, { recursive: true, force: true });
        // After each, because the whole takes an hour on a busy machine.
        if (update)
          writeFileSync(
            PAGE,
            page(
              entries,
              SERVICES.map(({ name }) => name),
              AT_RANDOM,
            ),
          );
        process.stderr.write(`${service.name}: ${report.verdict}, client ${after.works ? 'content' : 'not content'}\n`);

        if (asRoot && service.alone !== false) expect(asRoot.works, `as it is:\n${asRoot.said}\n${asRoot.log}`).toBe(true);
        const points = (report.proof?.reasons ?? [])
          .filter(({ kind }) => kind === 'bad' || kind === 'unsure')
          .map(({ text }) => text);
        if (service.honest === undefined) {
          expect(points, report.proof?.after.log.join('\n')).toEqual([]);
          expect(report.verdict).toBe('proved');
          expect(after.works, `${after.said}\n${after.log}`).toBe(true);
          expect(after.uids).toEqual(['10001']);
        } else {
          expect(report.verdict).toBe(service.honest.verdict);
          expect([...points, ...report.unknown].join('\n')).toMatch(service.honest.says);
        }
      });
    },
  );
});

const simply = (tag: string, service: Service, flags: readonly string[]): Promise<Answer> =>
  asked(
    tag,
    { image: tag, questions: service.client },
    { flags, words: [], patienceMs: service.patienceMs ?? (flags.length > 0 ? UNFIXED_MS : PATIENCE_MS) },
  );

async function fixed(reference: string, out: string, service: Service): Promise<FixReport> {
  const flags = ['--engine', 'runc', '--platform-profile', 'podman', '--user', '10001', '--out', out, '-o', 'json'];
  const result = await unroot(['fix', reference, ...flags, ...(service.flags ?? [])], { timeoutMs: 400_000 });
  expect(result.stdout, result.stderr).toMatch(/^\{/);
  const document = JSON.parse(result.stdout) as FixReport & { readonly error?: object };
  expect(document.error, result.stderr).toBeUndefined();
  return document;
}
