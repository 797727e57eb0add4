// Makes the conformance page of what the last test run recorded: `node scripts/conformance.mjs [--write]` prints it, or writes docs/conformance.md.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../.cache/conformance/', import.meta.url));
const page = fileURLToPath(new URL('../docs/conformance.md', import.meta.url));

let names;
try {
  names = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort();
} catch {
  console.error(`nothing recorded in ${folder}: run npm test first`);
  process.exit(2);
}
const records = names.map((name) => JSON.parse(readFileSync(`${folder}${name}`, 'utf8')));
const number = (value) => value.toLocaleString('en-US');

const rows = records.map((one) =>
  [
    `[${one.id}](#${one.id})`,
    one.against,
    number(one.compared),
    one.unknown === undefined ? '' : number(one.unknown),
    number(one.mismatches),
  ].join(' | '),
);
const sections = records.map((one) => {
  const counts = Object.entries(one.counts ?? {}).sort((a, b) => b[1] - a[1]);
  return [
    `## ${one.id}`,
    '',
    `${one.title}. Against ${one.against}.`,
    '',
    ...(counts.length === 0 ? [] : [counts.map(([name, count]) => `${name} ${number(count)}`).join(' · '), '']),
    ...(one.seed === undefined ? [] : [`Seed ${one.seed}.`, '']),
    ...(one.notes ?? []).flatMap((note) => [`- ${note}`]),
    ...((one.notes ?? []).length === 0 ? [] : ['']),
  ].join('\n');
});
const text = [
  '# Conformance: the model against reality',
  '',
  'Each row is a test that asks the model and the real thing the same questions; one different answer fails the run. Written by',
  '`node scripts/conformance.mjs --write` from what the last test run recorded; a failing run records nothing.',
  '',
  '| comparison | against | compared | no answer | mismatches |',
  '| --- | --- | ---: | ---: | ---: |',
  ...rows.map((row) => `| ${row} |`),
  '',
  ...sections,
].join('\n');
if (process.argv.includes('--write')) writeFileSync(page, `${text.trimEnd()}\n`);
else console.log(text);
