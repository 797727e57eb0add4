/**
 * Volumes that real servers filled as root, by podman, under the untouched image; then the fixed image on them, after what its report says: read by
 * a client that knows what was written. What fsGroup would do is done with chgrp and chmod, to a second copy.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FixReport } from '../../src/report/report.ts';
import { freshDist } from '../support/build.ts';
import { unroot } from '../support/cli.ts';
import { debianImage, type ImageRecipe, onPath, whyNoDebianImages } from '../support/debian-image.ts';
import { type Question, sh } from './client.ts';
import { asked, asReported, inStore, podman } from './run.ts';
import { RUN_FOLDER, RUN_TAG } from './run-tag.ts';
import { make, service } from './service.ts';
import { SERVICES } from './services.ts';

const lacking = ['podman', 'runc', 'skopeo', 'strace'].filter((program) => !onPath(program));
const why = whyNoDebianImages() ?? (lacking.length > 0 ? `apt-get install -y ${lacking.join(' ')}` : undefined);
if (why !== undefined) console.warn(`SKIPPED: services on old data: ${why}`);

interface Case {
  readonly image: ImageRecipe;
  readonly path: string;
  readonly write: Question;
  readonly read: Question;
  /** What is chosen; `migrate` = fsGroup must fail in reality too. */
  readonly remedy: 'fsGroup' | 'migrate';
}

const known = (name: string): ImageRecipe => SERVICES.find((one) => one.name === name) as ImageRecipe;
const psql = (query: string): Question => sh(`psql -h 127.0.0.1 -U postgres -d app ${query}`);
const sql = (query: string): Question => sh(`mariadb --protocol=tcp -h 127.0.0.1 -u app -psecret app -e "${query}"`);

const SQLITE = `import http.server, os, sqlite3
db = sqlite3.connect('/data/app.db', check_same_thread=False)
db.execute('create table if not exists t (x)')
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path != '/':
            db.execute('insert into t values (?)', (self.path[1:],)); db.commit()
        self.send_response(200); self.end_headers()
        self.wfile.write(repr(db.execute('select x from t').fetchall()).encode())
http.server.HTTPServer(('', 80), Handler).serve_forever()
`;
const get = (path: string): Question =>
  sh(`exec 3<>/dev/tcp/127.0.0.1/80; printf '%s\\r\\n\\r\\n' 'GET ${path} HTTP/1.0' >&3; timeout 5 cat <&3`);

const CASES: readonly Case[] = [
  {
    image: known('postgres'),
    path: '/var/lib/postgresql/data',
    write: psql(`-c "create table kept (x text)" -c "insert into kept values ('old rows')" -c "select x from kept"`),
    read: psql(`-c "select x from kept" -c "insert into kept values ('new')"`),
    remedy: 'migrate',
  },
  {
    image: known('redis'),
    path: '/data',
    write: sh('redis-cli set kept "old rows"; redis-cli get kept; redis-cli save'),
    read: sh('redis-cli get kept; redis-cli set more x; redis-cli save'),
    remedy: 'fsGroup',
  },
  {
    image: known('mariadb'),
    path: '/var/lib/mysql',
    write: sql("create table kept (x text); insert into kept values ('old rows'); select x from kept"),
    read: sql("select x from kept; insert into kept values ('new')"),
    remedy: 'fsGroup',
  },
  {
    image: service('mosquitto-kept', {
      packages: ['mosquitto', 'mosquitto-clients'],
      files: {
        '/etc/mosquitto/conf.d/kept.conf': 'autosave_interval 1\n',
      },
      script: `${make('mosquitto:mosquitto', '/run/mosquitto')}; ${make('mosquitto:mosquitto', '/var/lib/mosquitto')}`,
      run: ['mosquitto', '-c', '/etc/mosquitto/mosquitto.conf'],
      config: { Volumes: { '/var/lib/mosquitto': {} } },
      ask: [],
      says: /./,
    }),
    path: '/var/lib/mosquitto',
    write: sh('mosquitto_pub -h 127.0.0.1 -t kept -m "old rows" -r; sleep 3; mosquitto_sub -h 127.0.0.1 -t kept -C 1 -W 5'),
    read: sh('mosquitto_sub -h 127.0.0.1 -t kept -C 1 -W 5'),
    remedy: 'fsGroup',
  },
  {
    image: service('sqlite', {
      packages: ['python3-minimal', 'libpython3-stdlib'],
      entries: [{ path: '/data' }],
      files: { '/app/app.py': SQLITE },
      run: ['python3', '/app/app.py'],
      config: { Volumes: { '/data': {} } },
      ask: [],
      says: /./,
    }),
    path: '/data',
    write: get('/old%20rows'),
    read: get('/new'),
    remedy: 'fsGroup',
  },
];

let folder = '';
beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(RUN_FOLDER, 'unroot-old-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(why !== undefined)('old data', () => {
  it.each(CASES)('of $image.name: $remedy', { timeout: 600_000 }, async ({ image, path, write, read, remedy }) => {
    const { reference } = await debianImage(image);
    const tag = `localhost/unroot-old-${image.name}:${RUN_TAG}`;
    const volumes = ['chown', 'group'].map((use) => `unroot-old-${image.name}-${use}-${RUN_TAG}`) as [string, string];
    const asRoot = (line: string): string =>
      podman(
        ...['run', '--rm', '--runtime=runc', '--network=none', '--ulimit=nofile=1024:1024', '--ulimit=nproc=1000:1000'],
        ...['--user=0:0', '--cap-drop=all', '--cap-add=CHOWN', '--cap-add=DAC_OVERRIDE', '--cap-add=FOWNER'],
        ...[`--volume=${volumes[0]}:${path}`, `--volume=${volumes[1]}:/second`, '--entrypoint=/bin/sh', tag, '-ec', line],
      );
    const ask = (one: string, question: Question, volume: string, flags: readonly string[], words: readonly string[]) =>
      asked(
        one,
        { image: tag, questions: { ask: [question], says: /old(?: |%20)rows/ } },
        { flags: [...flags, `--volume=${volume}:${path}`], words, patienceMs: 20_000 },
      );
    try {
      await inStore(reference, tag, async () => {
        const first = await ask(tag, write, volumes[0], [], []);
        expect(first.works, `${first.said}\n${first.log}`).toBe(true);
        expect(asRoot(`cp -a ${path}/. /second/`)).toBe('');

        const out = join(folder, image.name);
        const flags = ['--engine', 'runc', '--platform-profile', 'podman', '--out', out, '-o', 'json'];
        const { stdout, stderr } = await unroot(['fix', reference, ...flags], { timeoutMs: 400_000 });
        expect(stdout, stderr).toMatch(/^\{/);
        const report = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as FixReport;
        expect(report.verdict, JSON.stringify(report.proof?.reasons)).toBe('proved');
        const volume = report.run.volumes.find((one) => one.path === path);
        expect(volume?.remedy).toBe(remedy);

        expect(asRoot((volume?.commands ?? []).join(' && '))).toBe('');
        expect(asRoot('chgrp -Rh 10001 /second; chmod -R g+rw /second; find /second -type d -exec chmod g+xs {} +')).toBe('');
        await inStore(`oci:${out}/image`, `${tag}-fixed`, async (result) => {
          const how = asReported(report.run);
          const after = await ask(result, read, volumes[0], how.flags, how.words);
          expect(after.works, `${after.said}\n${after.log}`).toBe(true);
          expect(after.uids).toEqual(['10001']);
          const group = await ask(result, read, volumes[1], how.flags, how.words);
          expect(group.works, `${group.said}\n${group.log}`).toBe(remedy === 'fsGroup');
        });
      });
    } finally {
      podman('volume', 'rm', '--force', ...volumes);
    }
  });
});
