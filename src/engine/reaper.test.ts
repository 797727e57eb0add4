import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleProgram } from '../../test/support/bundle.ts';
import { processAlive, processStartTime } from './proc.ts';
import { quote, register, registered, undo } from './reaper.ts';

const root = process.getuid?.() === 0;
let folder: string;
let program: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'reaper-test-'));
  // A run in small: a process, a folder, a mount when we may, all written down; then it waits.
  const source = join(folder, 'victim.ts');
  writeFileSync(
    source,
    `import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { register, undo } from ${JSON.stringify(fileURLToPath(new URL('./reaper.ts', import.meta.url)))};
const [home = '', mounts] = process.argv.slice(2);
register(undo.remove(home));
mkdirSync(home + '/mounted', { recursive: true });
if (mounts === 'yes') {
  register(undo.unmount(home + '/mounted'));
  execFileSync('mount', ['-t', 'tmpfs', 'test', home + '/mounted']);
}
const child = spawn('sleep', ['8639911'], { detached: true, stdio: 'ignore' });
register(undo.kill(child.pid!));
console.log(child.pid);
if (process.argv[4] === 'exit') process.exit(5);
if (process.argv[4] === 'throw') throw new Error('on purpose');
setInterval(() => {}, 1000);
`,
  );
  program = await bundleProgram(source, join(folder, 'victim'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function until(done: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; Date.now() < end && !done(); ) await sleep(10);
  expect(done()).toBe(true);
}

describe('reaper', () => {
  it.each([
    ['SIGKILL', null],
    ['SIGTERM', 130],
    ['SIGINT', 130],
    ['SIGHUP', 130],
    ['exit', 5],
    ['throw', 1],
  ] as const)('after %s nothing of the run is left', async (how, code) => {
    const home = join(folder, `it's a run ${how}`);
    const temporary = join(folder, `tmp-${how}`);
    mkdirSync(temporary);
    const victim = spawn(process.execPath, [program, home, root ? 'yes' : 'no', how], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, TMPDIR: temporary },
    });
    const gone = new Promise<number | null>((resolve) => victim.once('exit', resolve));
    const pid = Number(await new Promise((resolve) => victim.stdout.once('data', resolve)));
    if (how.startsWith('SIG')) {
      expect(processAlive(pid)).toBe(true);
      expect(existsSync(home)).toBe(true);
      victim.kill(how as NodeJS.Signals);
    }
    expect(await gone).toBe(code);
    await until(() => !processAlive(pid) && !existsSync(home) && readdirSync(temporary).length === 0);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(folder);
  });

  it('keeps its hands off a process that only has the same number', async () => {
    const child = spawn('sleep', ['8639912'], { stdio: 'ignore' });
    const line = undo.kill(child.pid!);
    expect(line).toContain(String(processStartTime(child.pid!)));
    const script = join(folder, 'journal');
    const registration = register(line.replace(/\d+$/, (start) => String(Number(start) + 1)));
    const journal = readdirSync(tmpdir()).find(
      (name) =>
        name.startsWith('unroot-') &&
        existsSync(join(tmpdir(), name, 'journal.sh')) &&
        readFileSync(join(tmpdir(), name, 'journal.sh'), 'utf8').includes(`unroot_kill ${child.pid} `),
    );
    writeFileSync(script, readFileSync(join(tmpdir(), journal!, 'journal.sh')));
    execFileSync('sh', [script]);
    expect(processAlive(child.pid!)).toBe(true);
    registration.release();
    registration.release();
    expect(registered()).toBe(0);
    expect(existsSync(join(tmpdir(), journal!))).toBe(false);
    child.kill('SIGKILL');
  });

  it('works the list off newest first', () => {
    const first = register('echo first');
    const second = register('echo second');
    const file = readdirSync(tmpdir())
      .map((name) => join(tmpdir(), name, 'journal.sh'))
      .find((path) => existsSync(path) && readFileSync(path, 'utf8').includes('echo first'))!;
    const text = readFileSync(file, 'utf8');
    expect(text.indexOf('echo second')).toBeLessThan(text.indexOf('echo first'));
    second.release();
    expect(readFileSync(file, 'utf8')).not.toContain('echo second');
    first.release();
  });

  it('removes groups below groups, once the last of them is no longer busy', async () => {
    const home = join(folder, 'groups');
    mkdirSync(join(home, 'inner', 'init'), { recursive: true });
    const busy = join(home, 'inner', 'init', 'busy');
    writeFileSync(busy, '');
    const registration = register(undo.rmdir(home));
    const file = readdirSync(tmpdir())
      .map((name) => join(tmpdir(), name, 'journal.sh'))
      .find((path) => existsSync(path) && readFileSync(path, 'utf8').includes(home))!;
    const shell = spawn('sh', [file], { stdio: 'ignore' });
    const ended = new Promise((resolve) => shell.once('exit', resolve));
    await sleep(1500);
    expect(existsSync(busy)).toBe(true);
    rmSync(busy);
    await ended;
    expect(existsSync(home)).toBe(false);
    registration.release();
  });

  it('quotes for the shell', () => {
    for (const word of ["it's", '$(id)', 'a b', '', '*', 'a\nb', '-n', 'plain/path.txt']) {
      expect(execFileSync('sh', ['-c', `printf %s ${quote(word)}`], { encoding: 'utf8' })).toBe(word);
    }
  });
});
