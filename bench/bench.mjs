// `npm run bench [-- --write] [--rounds N]`: everything the project promises about speed and memory, measured in one run beside its peers.
// Ends with 1 when a goal is missed. `--write` keeps the table in docs/bench.md.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { decisionRows } from './decisions.mjs';
import { fixRows } from './fix.mjs';
import { imageRows, whyNoImages } from './image.mjs';
import { manifestRows } from './manifests.mjs';
import { calm } from './measure.mjs';
import { registryRows } from './registry.mjs';
import { support } from './support.mjs';
import { traceRows } from './trace.mjs';

const { values: flags } = parseArgs({
  options: { write: { type: 'boolean' }, rounds: { type: 'string', default: '11' } },
});
const root = fileURLToPath(new URL('..', import.meta.url));
const cli = process.env.UNROOT_BENCH_CLI ?? join(root, 'dist/unroot.js');
const rounds = Number(flags.rounds);
const skipped = [];
const rows = [];
const load = () => loadavg()[0].toFixed(1);

await calm();
const loads = [load()];
let size;
const missing = whyNoImages();
if (missing === undefined) {
  const images = await imageRows(root, cli, rounds, skipped);
  rows.push(...images.rows);
  size = images.size;
} else skipped.push(`the image reader: ${missing}`);
loads.push(load());

const all = await support(root);
rows.push(...decisionRows(all, rounds));
rows.push(...manifestRows(all, cli, 3));
const noDebian = all.whyNoDebianImages();
if (noDebian === undefined) {
  await calm();
  loads.push(load());
  rows.push(...(await registryRows(all, cli, 5, skipped)));
  rows.push(...(await traceRows(all, 5, skipped)));
  rows.push(...(await fixRows(all, cli, 3, skipped)));
} else skipped.push(`nginx: ${noDebian}`);
loads.push(load());

const text = page();
console.log(text);
if (flags.write) writeFileSync(join(root, 'docs/bench.md'), text);
process.exitCode = rows.some(missed) ? 1 : 0;

function missed({ value, goal }) {
  return goal !== undefined && value > goal;
}

function page() {
  const number = (value, unit) => `${value.toFixed(unit === '×' ? 2 : unit === 's' ? 1 : 0)} ${unit}`;
  const table = rows.map((row) => [
    row.what,
    number(row.value, row.unit),
    row.goal === undefined ? '' : `≤ ${row.goal} ${row.unit}`,
    row.goal === undefined ? '' : missed(row) ? '**missed**' : 'met',
    row.detail,
  ]);
  const head = ['what', 'measured', 'goal', '', 'detail'];
  const widths = head.map((title, i) => Math.max(title.length, ...table.map((cells) => cells[i].length)));
  const line = (cells) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
  return [
    '# Measured',
    '',
    `\`npm run bench -- --write\` wrote this on ${new Date().toISOString().slice(0, 10)}. One run, commands in turn; each figure is the median`,
    `of ${rounds} rounds (what takes milliseconds: ${2 * rounds}; slow peers and \`fix\`: 3).${size === undefined ? '' : ` The image is a Debian root of ${(size / 2 ** 20).toFixed(0)} MiB in one layer.`} A *map* is the whole merged`,
    'root file system with owner, group, mode and layer of every path, walked once.',
    '',
    `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} processors, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}; load average ${loads.join(', ')}`,
    `while it ran. ${versions().join(', ')}.`,
    '',
    line(head),
    line(widths.map((width) => '-'.repeat(width))),
    ...table.map(line),
    ...(skipped.length > 0 ? ['', 'Not measured here:', '', ...skipped.map((what) => `- ${what}`)] : []),
    '',
  ].join('\n');
}

/** Of everything that takes part and says so. */
function versions() {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const tools = {
    tar: '--version',
    pigz: '--version',
    skopeo: '--version',
    umoci: '--version',
    strace: '--version',
    runc: '--version',
    podman: '--version',
    dockerd: '--version',
  };
  const found = Object.entries(tools).flatMap(([tool, flag]) => {
    try {
      const said = execFileSync(tool, [flag], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
      return [`${tool} ${/\d+\.\d[\w.]*/.exec(said)?.[0] ?? ''}`.trim()];
    } catch {
      return [];
    }
  });
  return [`unroot ${version}`, `node ${process.versions.node}`, ...found];
}
