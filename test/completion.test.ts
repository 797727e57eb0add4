/** Completion scripts, in the shells themselves where they are installed. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { COMMANDS } from '../src/cli/commands/index.ts';
import { freshDist } from './support/build.ts';
import { unroot } from './support/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'unroot-completion-'));
beforeAll(() => void freshDist());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('bash completes commands, flags and their values', async () => {
  const { code, stdout } = await unroot(['completion', 'bash']);
  expect(code).toBe(0);
  writeFileSync(join(folder, 'unroot.bash'), stdout);
  const completed = (...words: readonly string[]): readonly string[] => {
    const script = `source ${folder}/unroot.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _unroot; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const shell = spawnSync('bash', ['-c', script, 'bash', ...words], { encoding: 'utf8', cwd: folder });
    expect(shell.stderr).toBe('');
    return shell.stdout.trimEnd().split('\n');
  };
  expect(completed('unroot', '')).toEqual([...Object.keys(COMMANDS), '--help', '--version']);
  expect(completed('unroot', 'sc')).toEqual(['scan']);
  expect(completed('unroot', 'check', '--fail-on', 'w')).toEqual(['warning']);
  expect(completed('unroot', 'scan', '--all')).toEqual(['--all-namespaces']);
  expect(completed('unroot', 'who', 'unroot.b')).toEqual(['unroot.bash']);
});

it.each(['zsh', 'fish'])('%s takes the script', async (shell) => {
  const { code, stdout } = await unroot(['completion', shell]);
  expect(code).toBe(0);
  for (const [name, { summary }] of Object.entries(COMMANDS))
    expect(stdout).toContain(shell === 'zsh' ? `'${name}:` : `-a ${name} -d '${summary.replaceAll("'", "\\'")}'`);
  writeFileSync(join(folder, shell), stdout);
  const checked = spawnSync(shell, ['-n', join(folder, shell)], { encoding: 'utf8' });
  if (checked.error !== undefined) console.warn(`SKIPPED: asking ${shell} itself: apt-get install -y ${shell}`);
  else expect(checked.stderr).toBe('');
});

it('of another shell is bad usage', async () => {
  expect((await unroot(['completion', 'tcsh'])).code).toBe(2);
});
