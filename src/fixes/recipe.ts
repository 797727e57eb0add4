/** What a recipe knows of this program, as an experiment: only for a program that the general remedies left broken, and dropped when it does not help. */
import type { Fix, LayerChange, Run } from '../finding/fix.ts';
import { accountName, passwdEntry } from './accounts.ts';
import type { FixContext } from './context.ts';

/** One change of one recipe, ready to be worked out for an image. */
export interface RecipeTrial {
  /** `dovecot: identity`. */
  readonly subject: string;
  readonly title: string;
  readonly note?: string;
  readonly loses?: string;
  /** The uid must have a name. */
  readonly account: boolean;
  apply(input: {
    readonly argv: readonly string[];
    readonly configs: ReadonlyMap<string, string>;
    readonly user: { readonly uid: number; readonly gid: number; readonly name?: string; readonly group?: string };
  }): { readonly layer: readonly LayerChange[]; readonly run: Partial<Run>; readonly did: readonly string[] } | undefined;
}

/** On top of what `fixes` have changed already: files they wrote, words of the command line they took off. */
export function recipe(trial: RecipeTrial, context: FixContext, fixes: readonly Fix[]): Fix[] {
  const { uid, gid } = context.recipient;
  const entry = trial.account ? passwdEntry(context) : undefined;
  const account = accountName(context);
  // Nobody can list the names of arbitrary uids.
  if (trial.account && account.name === undefined) return [];
  const applied = trial.apply({
    argv: argvAfter(fixes, context),
    configs: configsAfter(fixes, context),
    user: { uid, gid, ...(trial.account ? account : {}) },
  });
  if (applied === undefined) return [];
  return [
    {
      id: 'recipe',
      subject: trial.subject,
      title: trial.title,
      disposition: 'needs-review',
      answers: [],
      layer: [...(entry?.layer ?? []), ...applied.layer],
      run: applied.run,
      ...(trial.loses === undefined ? {} : { loses: trial.loses }),
      note: [applied.did.join('; '), ...(trial.note === undefined ? [] : [trial.note])].join('. '),
    },
  ];
}

/** Two fixes that write the same file or the command line: only one of them can be in the result. */
export const conflicts = (a: Fix, b: Fix): boolean =>
  (a.run.entrypoint !== undefined && b.run.entrypoint !== undefined) ||
  a.layer.some((one) => b.layer.some((other) => other.path === one.path && (one.kind === 'file' || other.kind === 'file')));

/** What is started once these are in. */
export function argvAfter(fixes: readonly Fix[], context: FixContext): readonly string[] {
  const run = fixes.map((fix) => fix.run).findLast(({ entrypoint }) => entrypoint !== undefined);
  return run?.entrypoint === undefined ? context.target.argv : [...run.entrypoint, ...(run.command ?? [])];
}

/** Configuration as these leave it. */
export function configsAfter(fixes: readonly Fix[], { configs }: FixContext): ReadonlyMap<string, string> {
  const written = fixes.flatMap(({ layer }) =>
    layer.flatMap((one) => (one.kind === 'file' ? [[one.path, one.content] as const] : [])),
  );
  return new Map([...configs, ...written.filter(([path]) => configs.has(path))]);
}
