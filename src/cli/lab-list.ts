/** `unroot lab list`. */
import { findLabs, labsFolder } from '../lab/find-labs.ts';
import { missingFor } from '../lab/needs.ts';
import { labStateFolder, readProgress } from '../lab/progress.ts';
import { paint, renderStanding } from '../lab/render.ts';
import type { CommandContext } from './command.ts';
import type { LabFlags } from './lab-flags.ts';
import { print, wantsColor } from './output.ts';

/** Number, title, minutes, standing; then what is missing for which. */
export async function listLabs(flags: LabFlags & { readonly output: string }, context: CommandContext): Promise<void> {
  const state = labStateFolder();
  const rows = await Promise.all(
    findLabs(labsFolder(flags.labs)).map(async ({ lab }) => ({
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
    await print(`${JSON.stringify({ schemaVersion: 1, kind: 'labs', labs }, null, 2)}\n`);
    return context.done(0);
  }
  const options = { columns: process.stdout.columns ?? 80, color: wantsColor(flags.color) };
  const width = Math.max(...rows.map(({ lab }) => lab.title.length));
  const lines = rows.map(({ lab, progress, missing }) => {
    const standing = missing.length > 0 ? 'not here' : renderStanding(lab, progress);
    const done = progress?.finished !== undefined;
    return `${lab.id}  ${paint(lab.title.padEnd(width), done ? 'green' : 'bold', options)}  ${String(lab.minutes).padStart(3)} min  ${standing}`.trimEnd();
  });
  const whys = new Map<string, string[]>();
  for (const { lab, missing } of rows)
    for (const { why, get } of missing) whys.set(`${why}: ${get}`, [...(whys.get(`${why}: ${get}`) ?? []), lab.id]);
  const lacks = [...whys].map(([why, ids]) => `${ids.length === rows.length ? 'All labs' : `Lab ${ids.join(', ')}`}: ${why}`);
  await print(
    `${[...lines, ...(lacks.length === 0 ? [] : ['', 'What this machine lacks:', ...lacks]), '', 'unroot lab start 01'].join('\n')}\n`,
  );
  context.done(0);
}
