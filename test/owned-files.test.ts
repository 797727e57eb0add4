/** Programs that insist on owning what they read, through `unroot fix`: the kernel denies them nothing, they give up by themselves. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { whyNoBusyboxImage } from './conformance/busybox-image.ts';
import { freshDist } from './support/build.ts';
import { fixProgram, scriptImage } from './support/fix-program.ts';

const why = process.getuid?.() !== 0 ? 'needs root' : whyNoBusyboxImage;
if (why !== undefined) console.warn(`SKIPPED: files that programs want to own: ${why}`);

let folder = '';
beforeAll(() => {
  freshDist();
  folder = mkdtempSync(join(tmpdir(), 'unroot-owned-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ACCOUNTS = [
  { path: '/etc', mode: 0o755 },
  { path: '/etc/passwd', content: 'root:x:0:0::/:/bin/sh\n' },
  { path: '/etc/group', content: 'root:x:0:\n' },
];
/** Reads its key and a list; the key must be its own and nobody else's. `says`: what it says when it is not. */
const insisting = (says: string): string => `
for file in /etc/app/key; do
  cat $file > /dev/null || exit 1
  [ "$(stat -c %u $file)" = "$(id -u)" ] || { echo ${says} >&2; exit 1; }
  [ "$(stat -c %a $file)" = 600 ] || { echo ${says} >&2; exit 1; }
done
cat /etc/app/list > /dev/null || exit 1
exec httpd -f -p 8080 -h /etc/app
`;
const KEYS = [
  ...ACCOUNTS,
  { path: '/etc/app', mode: 0o755 },
  { path: '/etc/app/key', content: 'secret\n', mode: 0o600 },
  { path: '/etc/app/list', content: 'one\n', mode: 0o640 },
  { path: '/etc/app/index.html', content: 'here\n' },
];

describe.skipIf(why !== undefined)('a file that the program wants to own', () => {
  it('is given to it when it names the file, and no other is', async () => {
    const report = await fixProgram(scriptImage(folder, insisting('/etc/app/key: wrong owner'), KEYS));
    expect(report.verdict, JSON.stringify(report.proof?.reasons)).toBe('proved');
    expect(report.fixes.map(({ id, subject }) => [id, subject]).sort()).toEqual([
      ['own-path', '/etc/app/key'],
      ['share-file', '/etc/app/list'],
    ]);
    expect(report.fixes.find(({ id }) => id === 'own-path')).toMatchObject({
      disposition: 'needs-review',
      layer: [{ path: '/etc/app/key', uid: 10001, gid: 10001, mode: 0o600 }],
    });
  });

  it('is found when it names none', async () => {
    const report = await fixProgram(scriptImage(folder, insisting('bad permissions'), KEYS));
    expect(report.verdict, JSON.stringify(report.proof?.reasons)).toBe('proved');
    expect(report.fixes.map(({ id }) => id)).toEqual(['own-path', 'own-path']);
  });

  it('is found one after the other, also when nothing of it was denied, and behind a name that is wanted first', async () => {
    const script = `
whoami > /dev/null || { echo who is that user >&2; exit 1; }
for file in /etc/app/key /etc/app/stamp; do
  [ "$(stat -c %u $file)" = "$(id -u)" ] || { echo "'$file' must be owned by you" >&2; exit 1; }
done
cat /etc/app/key > /dev/null || exit 1
exec httpd -f -p 8080 -h /etc/app
`;
    const stamp = { path: '/etc/app/stamp', content: '1\n', mode: 0o644 };
    const report = await fixProgram(scriptImage(folder, script, [...KEYS, stamp]));
    expect(report.verdict, JSON.stringify(report.proof?.reasons)).toBe('proved');
    expect(report.fixes.map(({ id, subject }) => [id, subject]).sort()).toEqual([
      ['own-path', '/etc/app/key'],
      ['own-path', '/etc/app/stamp'],
      ['passwd-entry', '/etc/passwd'],
    ]);
  });

  it('stays shared when that is not what is wrong', async () => {
    const image = scriptImage(
      folder,
      'cat /etc/app/key > /dev/null || exit 1\n[ "$(id -u)" = 0 ] || exit 1\nexec httpd -f -p 8080\n',
      KEYS,
    );
    const report = await fixProgram(image);
    expect(report.verdict).not.toBe('proved');
    expect(report.fixes.map(({ id }) => id)).not.toContain('own-path');
  });
});
