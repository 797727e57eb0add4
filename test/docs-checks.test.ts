/** The pages of docs/checks: every check has one, and what its example prints is what unroot prints. Every test starts the real bundle. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkIds } from '../src/checks/ids.ts';
import type { CheckReport } from '../src/report/report.ts';
import { freshDist } from './support/build.ts';
import { exampleOf, lackingFor, writeExample } from './support/check-page.ts';
import { unroot } from './support/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'unroot-pages-'));
beforeAll(() => void freshDist());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.each(checkIds())('%s: its example has the finding, and prints what the page says', async (id) => {
  const page = readFileSync(new URL(`../docs/checks/${id}.md`, import.meta.url), 'utf8');
  expect(page).toMatch(/^\*\*Authority\.\*\* \S/m);
  const example = exampleOf(page);
  const lacking = lackingFor(example);
  if (lacking !== undefined) {
    console.warn(`SKIPPED: the example of ${id} lacks ${lacking}`);
    return;
  }
  const cwd = join(folder, id);
  writeExample(cwd, example);
  // Neither stores nor registries of this machine have a word in it.
  const env = { HOME: cwd, XDG_DATA_HOME: cwd, UNROOT_CONFIG: undefined };
  const [table, json] = await Promise.all([
    unroot(example.command, { cwd, env }),
    unroot([...example.command, '-o', 'json'], { cwd, env }),
  ]);
  expect(table.stdout, table.stderr).toBe(example.output);
  const { findings } = JSON.parse(json.stdout) as CheckReport;
  expect(findings.map((finding) => finding.id)).toContain(id);
  // With the severity and the words that people will search the page for.
  const first = findings.find((finding) => finding.id === id)!;
  expect(page.replace(/\s+/g, ' ')).toContain(first.message.replace(/\s+/g, ' ').slice(0, 60));
});
