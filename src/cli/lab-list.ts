/** `unroot lab list`. */
import { join } from 'node:path';
import { labsFolder, lintHint, readLabs } from '../lab/find-labs.ts';
import { missingFor } from '../lab/needs.ts';
import { labStateFolder, readProgress } from '../lab/progress.ts';
import { paint, renderStanding, wrapText } from '../lab/render.ts';
import type { CommandContext } from './command.ts';
import type { LabFlags } from './lab-flags.ts';
import { print, wantsColor } from './output.ts';

/** Number, title, minutes, standing; then what is missing for which. */
export async function listLabs(flags: LabFlags & { readonly output: string }, context: CommandContext): Promise<void> {
  const state = labStateFolder();
  const folder = labsFolder(flags.labs);
  const { labs: found, broken } = readLabs(folder);
  const rows = await Promise.all(
    found.map(async ({ lab }) => ({
      lab,
      progress: readProgress(state, lab),
      missing: await missingFor(lab),
    })),
  );
  if (flags.output === 'json') {
    const labs = rows.map(({ lab, progress, missing }) => ({
      id: lab.id,
      name: lab.name,
      title: lab.title,
      goal: lab.goal,
      minutes: lab.minutes,
      covers: lab.covers,
      steps: lab.steps.map(({ id, title }) => ({ id, title, done: progress?.done.includes(id) ?? false })),
      ...(progress?.finished === undefined ? {} : { finished: progress.finished }),
      missing,
    }));
    const none = broken.map(({ id, name, error: { message, where } }) => ({
      id,
      name,
      message,
      ...(where?.line === undefined ? {} : { line: where.line }),
      file: where?.file ?? join(folder, name, 'lab.md'),
    }));
    const document = { schemaVersion: 1, kind: 'labs', labs, ...(none.length === 0 ? {} : { broken: none }) };
    await print(`${JSON.stringify(document, null, 2)}\n`);
    return context.done(0);
  }
  const options = { columns: process.stdout.columns ?? 80, color: wantsColor(flags.color) };
  const width = Math.max(0, ...rows.map(({ lab }) => lab.title.length), ...broken.map(({ name }) => name.length));
  const lines = [
    ...rows.map(({ lab, progress, missing }) => {
      const standing = missing.length > 0 ? paint('not here', 'yellow', options) : renderStanding(lab, progress);
      const done = progress?.finished !== undefined;
      return `${lab.id}  ${paint(lab.title.padEnd(width), done ? 'green' : 'bold', options)}  ${String(lab.minutes).padStart(3)} min  ${standing}`.trimEnd();
    }),
    ...broken.map(({ id, name }) => `${id}  ${name.padEnd(width)}           ${paint('broken', 'red', options)}`),
  ].sort((a, b) => (a.slice(0, 2) < b.slice(0, 2) ? -1 : 1));
  const whys = new Map<string, string[]>();
  for (const { lab, missing } of rows)
    for (const { why, get } of missing) whys.set(`${why}: ${get}`, [...(whys.get(`${why}: ${get}`) ?? []), lab.id]);
  const lacks = [...whys].map(([why, ids]) => `${ids.length === rows.length ? 'All labs' : `Lab ${ids.join(', ')}`}: ${why}`);
  const reasons = broken.map(
    ({ error: { message, expected } }) => `${message}${expected === undefined ? '' : `; expected: ${expected}`}`,
  );
  const able = rows.filter(({ missing }) => missing.length === 0);
  const next = able.find(({ progress }) => progress?.finished === undefined) ?? able[0];
  const section = (title: string, text: readonly string[]): readonly string[] =>
    text.length === 0 ? [] : ['', title, ...text.map((one) => wrapText(one, '  ', { ...options, color: false }))];
  await print(
    `${[
      ...lines,
      ...section('What this machine lacks:', lacks),
      ...section(`What is broken (all of it: ${lintHint(folder)}):`, reasons),
      ...(next === undefined ? [] : ['', `unroot lab start ${next.lab.id}`]),
    ].join('\n')}\n`,
  );
  context.done(0);
}
