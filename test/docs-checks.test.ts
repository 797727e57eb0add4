/** The pages of docs/checks: every check has one, what its example prints is what unroot prints, and the lab that explains it is named. Every test starts the real bundle. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkIds } from '../src/checks/ids.ts';
import { labsByCheck } from '../src/lab/explaining.ts';
import { findLabs, labsFolder } from '../src/lab/find-labs.ts';
import { type Format, render } from '../src/report/formats/index.ts';
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
  // Labs come and go: the pages show what stands above them.
  const noLabs = join(folder, 'no-labs');
  mkdirSync(noLabs, { recursive: true });
  // Neither stores nor registries of this machine have a word in it.
  const env = { HOME: cwd, XDG_DATA_HOME: cwd, UNROOT_CONFIG: undefined };
  const [table, json] = await Promise.all([
    unroot(example.command, { cwd, env: { ...env, UNROOT_LABS: noLabs } }),
    unroot([...example.command, '-o', 'json'], { cwd, env }),
  ]);
  expect(table.stdout, table.stderr).toBe(example.output);
  const report = JSON.parse(json.stdout) as CheckReport;
  const { findings } = report;
  expect(findings.map((finding) => finding.id)).toContain(id);
  // With the severity and the words that people will search the page for.
  const first = findings.find((finding) => finding.id === id)!;
  expect(page.replace(/\s+/g, ' ')).toContain(first.message.replace(/\s+/g, ' ').slice(0, 60));
  // And it leads to its lab, in every form that people read.
  const lab = labsByCheck().get(id);
  for (const finding of findings) expect(finding.lab).toEqual(labsByCheck().get(finding.id));
  const command = lab === undefined ? undefined : `unroot lab start ${lab.id}`;
  for (const format of ['table', 'markdown', 'html', 'sarif'] satisfies Format[]) {
    const text = await render(report, format, { color: false, width: 200, verbose: true });
    if (command !== undefined) expect(text, format).toContain(command);
  }
  if (lab !== undefined) {
    const html = await render(report, 'html', { color: false, width: 80, verbose: true });
    expect(html).toContain(`<a href="#lab-${lab.id}"><span class="dim">[${id}]</span></a>`);
    expect(html.split(`id="lab-${lab.id}"`)).toHaveLength(2);
  }
});

it('every check that a lab names exists, and leads to one that names it', () => {
  const known = checkIds();
  for (const { lab } of findLabs(labsFolder())) {
    for (const id of lab.explains) {
      expect(known, `lab ${lab.id} explains ${id}`).toContain(id);
      const named = findLabs(labsFolder()).find((one) => one.lab.id === labsByCheck().get(id)?.id);
      expect(named?.lab.explains, id).toContain(id);
    }
  }
});

it('labs of one’s own are named by UNROOT_LABS: the one that is about the check before the one that touches it', async () => {
  const labs = join(folder, 'own-labs');
  const cwd = join(folder, 'own');
  const front = (name: string, text: string): void => {
    mkdirSync(join(labs, name), { recursive: true });
    writeFileSync(join(labs, name, 'lab.md'), `---\n${text}\n---\nA story.\n`);
  };
  front('01-broken', 'id: "01"\ntitle: [');
  front('02-touches', 'id: "02"\ntitle: Touches\nexplains: [low-port, runs-as-root]');
  front('03-about', 'id: "03"\ntitle: About\nexplains:\n  - runs-as-root');
  front('04-too', 'id: "04"\ntitle: Too\nexplains: [runs-as-root]');
  writeExample(cwd, exampleOf(readFileSync(new URL('../docs/checks/runs-as-root.md', import.meta.url), 'utf8')));
  const check = ['check', 'oci:image', '--user', '1000'];
  const [own, none] = await Promise.all(
    [labs, join(folder, 'not-there')].map((UNROOT_LABS) => unroot([...check], { cwd, env: { HOME: cwd, UNROOT_LABS } })),
  );
  expect(own!.stdout).toMatch(/^ {2}lab unroot lab start 03: About \[runs-as-root\]$/m);
  expect(own!.stdout).not.toContain('start 04');
  expect(none!.stdout).toContain('[runs-as-root]');
  expect(none!.stdout).not.toContain('lab start');
});
