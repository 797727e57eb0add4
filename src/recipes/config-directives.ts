/** Words that start a line of configuration which makes a program do what only root may. From the recipes; a wrong guess is caught by the proof. */
import type { DirectiveKind } from './recipe.ts';
import { RECIPES } from './recipes.ts';

export type { DirectiveKind };

const KINDS: readonly DirectiveKind[] = ['chroot', 'identity'];

const WORDS: ReadonlyMap<string, DirectiveKind> = new Map(
  RECIPES.flatMap(({ directives }) => KINDS.flatMap((kind) => (directives?.[kind] ?? []).map((word) => [word, kind] as const))),
);

/** `user nginx;`, `User=app`, `chroot: "/var/lib"`, `  setgid = x`. */
const LINE = /^\s*([A-Za-z][A-Za-z0-9_-]*)\s*(?:[:=]\s*)?(\S.*)?$/;

/** What a line of a configuration file is about, if it is about one of these. */
export function directiveOf(line: string): DirectiveKind | undefined {
  const match = LINE.exec(line);
  if (!match?.[1] || !match[2]) return undefined;
  return WORDS.get(match[1].toLowerCase().replaceAll('_', '-'));
}
