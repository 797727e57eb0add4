// Writes the tables of docs/workshop.md from the labs themselves: `node scripts/workshop.mjs`. With --check it only says whether they are in step.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = `${root}docs/workshop.md`;
const [BEGIN, END] = ['<!-- tables: scripts/workshop.mjs -->', '<!-- end of tables -->'];

/** The labs' front matter, by id. */
export function fronts() {
  return readdirSync(`${root}labs`)
    .filter((name) => /^\d\d-/.test(name) && existsSync(`${root}labs/${name}/lab.md`))
    .sort()
    .map((name) => ({ name, ...parse(readFileSync(`${root}labs/${name}/lab.md`, 'utf8').split(/^---$/m)[1]) }));
}

/** What stands between the marks. */
export function tables() {
  const labs = fronts();
  const items = Object.entries(parse(readFileSync(`${root}labs/items.yaml`, 'utf8')));
  const of = (item) => labs.filter(({ covers }) => (covers ?? []).includes(item)).map(({ id }) => id);
  const missing = items.filter(([item]) => of(item).length === 0);
  return [
    BEGIN,
    '',
    `${labs.length} labs. ${items.length - missing.length} of ${items.length} items are covered.`,
    '',
    '| Lab | Title | Minutes | Needs | Explains |',
    '| --- | --- | --- | --- | --- |',
    ...labs.map(
      ({ id, title, minutes, needs = [], explains = [] }) =>
        `| ${id} | ${title} | ${minutes} | ${needs.join(', ')} | ${explains.map((one) => `\`${one}\``).join(', ')} |`,
    ),
    '',
    '### Item by item',
    '',
    '| Item | What it is | Labs |',
    '| --- | --- | --- |',
    ...items.map(([item, text]) => `| ${item} | ${text} | ${of(item).join(', ') || 'still missing'} |`),
    '',
    missing.length === 0 ? 'Nothing is missing.' : `Still missing: ${missing.map(([item]) => item).join(', ')}.`,
    '',
    END,
  ].join('\n');
}

/** The page with these tables in it. */
export function written(text) {
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`${page} has lost the marks of its tables`);
  return text.slice(0, from) + tables() + text.slice(to + END.length);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const before = readFileSync(page, 'utf8');
  const after = written(before);
  if (process.argv.includes('--check')) {
    if (before !== after) {
      process.stderr.write('docs/workshop.md is not in step with the labs: node scripts/workshop.mjs\n');
      process.exitCode = 1;
    }
  } else writeFileSync(page, after);
}
