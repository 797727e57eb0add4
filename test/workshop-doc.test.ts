/** docs/workshop.md says what the labs say, and every item of the tutorials is covered by a lab or named as missing. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { findLabs, labsFolder } from '../src/lab/find-labs.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const { written } = (await import('../scripts/workshop.mjs' as string)) as { written: (text: string) => string };
const page = readFileSync(`${root}docs/workshop.md`, 'utf8');
const items = parse(readFileSync(`${root}labs/items.yaml`, 'utf8')) as Record<string, string>;
const labs = findLabs(labsFolder()).map(({ lab }) => lab);

it('is in step with the labs (node scripts/workshop.mjs)', () => expect(written(page)).toBe(page));

it('knows every item of the four tutorials', () => {
  const all = [27, 26, 11, 22].flatMap((count, tutorial) =>
    Array.from({ length: count }, (_, index) => `S${tutorial}.${index + 1}`),
  );
  expect(Object.keys(items)).toEqual(all);
});

it('names for each item the labs that cover it, or says that none does', () => {
  for (const [item, text] of Object.entries(items)) {
    const of = labs.filter(({ covers }) => covers.includes(item)).map(({ id }) => id);
    expect(page).toContain(`| ${item} | ${text} | ${of.join(', ') || 'still missing'} |`);
  }
  for (const { name, covers } of labs) for (const item of covers) expect(items, `${name} covers ${item}`).toHaveProperty([item]);
});

it('links to checks that exist', () => {
  const known = new Set(readdirSync(`${root}docs/checks`).map((file) => file.replace(/\.md$/, '')));
  for (const { name, explains } of labs) for (const id of explains) expect(known.has(id), `${name} explains ${id}`).toBe(true);
});
