/** `unroot lab test`: every lab played by its own solutions; one line each, and the sum. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrokenLab, findLab, labsFolder, readLabs } from '../lab/find-labs.ts';
import { paint } from '../lab/render.ts';
import { type LabTestResult, testLab } from '../lab/test-lab.ts';
import type { CommandContext } from './command.ts';
import type { LabFlags } from './lab-flags.ts';
import { createLog } from './log.ts';
import { print, wantsColor } from './output.ts';
import { usageError } from './usage-error.ts';

/** Exit code 1 when one failed. */
export async function testLabs(
  names: readonly string[],
  flags: LabFlags & { readonly all?: boolean; readonly output: string },
  context: CommandContext,
): Promise<void> {
  const folder = labsFolder(flags.labs);
  if (names.length === 0 && flags.all !== true)
    throw usageError('no lab is named', 'numbers of labs, or --all', 'unroot lab test --all');
  const { labs, broken } =
    flags.all === true ? readLabs(folder) : { labs: names.map((name) => findLab(folder, name)), broken: [] };
  const log = createLog({ quiet: flags.quiet === true, verbose: flags.verbose === true, format: 'text' });
  const options = { columns: 80, color: wantsColor(flags.color) };
  // Nobody's progress.
  const stateFolder = mkdtempSync(join(tmpdir(), 'unroot-lab-test-'));
  const results: LabTestResult[] = broken.map(unreadable);
  if (flags.output !== 'json') for (const result of results) await print(`${line(result, result.name, options)}\n`);
  try {
    for (const found of labs) {
      context.signal.throwIfAborted();
      log.progress(`lab ${found.lab.id}: ${found.lab.title}`);
      const result = await testLab(found, {
        stateFolder,
        signal: context.signal,
        onProgress: (message) => log.progress(message),
      });
      results.push(result);
      log.clear();
      if (flags.output !== 'json') await print(`${line(result, found.lab.title, options)}\n`);
    }
  } finally {
    rmSync(stateFolder, { recursive: true, force: true });
  }
  const count = (outcome: LabTestResult['outcome']): number => results.filter((one) => one.outcome === outcome).length;
  const sum = { passed: count('passed'), failed: count('failed'), skipped: count('skipped') };
  if (flags.output === 'json')
    await print(`${JSON.stringify({ schemaVersion: 1, kind: 'lab-test', ...sum, labs: results }, null, 2)}\n`);
  else await print(`\n${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped\n`);
  context.done(sum.failed > 0 ? 1 : 0);
}

const unreadable = ({ id, name, error }: BrokenLab): LabTestResult => ({
  id,
  name,
  outcome: 'failed',
  reasons: [error.message],
  ms: 0,
});

function line(result: LabTestResult, title: string, options: { columns: number; color: boolean }): string {
  const color = { passed: 'green', failed: 'red', skipped: 'yellow' } as const;
  const facts = [
    `${(result.ms / 1000).toFixed(1)} s`,
    ...(result.startMs === undefined ? [] : [`start ${result.startMs} ms`]),
    ...(result.resetMs === undefined ? [] : [`reset ${result.resetMs} ms`]),
    ...(result.checkMs === undefined ? [] : [`slowest check ${result.checkMs} ms`]),
  ];
  return [
    `${result.id}  ${paint(result.outcome, color[result.outcome], options)}  ${title} (${facts.join(', ')})`,
    ...result.reasons.map((reason) => `      ${reason}`),
  ].join('\n');
}
