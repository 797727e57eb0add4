/** Which recipes are about the program that was watched, and what each of them offers to try. */
import type { FixContext } from '../fixes/context.ts';
import type { RecipeTrial } from '../fixes/recipe.ts';
import { applyChange } from '../recipes/apply-change.ts';
import type { Purpose, Recipe } from '../recipes/recipe.ts';
import { matchingRecipes } from '../recipes/recipes.ts';
import type { Observation } from './observation.ts';

/** About being root. Where things are put is for the general remedies, which grant the path; ports stay where they are. */
const ABOUT_ROOT: ReadonlySet<Purpose> = new Set(['root-check', 'identity', 'chroot']);
const ABOUT_PLACE: ReadonlySet<Purpose> = new Set(['pid', 'logs', 'cache']);

/** By what ran, and by what is in the image. */
export function recipesFor(
  { trace, processes }: Observation,
  { rootFs, asIs }: Pick<FixContext, 'rootFs' | 'asIs'>,
): readonly Recipe[] {
  const programs = [
    ...asIs.argv,
    asIs.executable ?? '',
    ...processes.map(({ command }) => command),
    ...(trace?.processes ?? []).flatMap(({ program, argv }) => [program, argv[0] ?? '']),
    ...(trace?.events ?? []).flatMap(({ operation, errno }) =>
      operation.kind === 'exec' && errno === undefined ? [operation.path] : [],
    ),
  ];
  return matchingRecipes({ programs, has: (path) => rootFs.resolve(path).entry !== undefined });
}

/** In the order they are tried: being root first. */
export function recipeTrials(recipes: readonly Recipe[], { rootFs }: FixContext): readonly RecipeTrial[] {
  return [ABOUT_ROOT, ABOUT_PLACE].flatMap((purposes) =>
    recipes.flatMap((recipe) =>
      (recipe.changes ?? [])
        .filter((change) => purposes.has(change.for))
        .map(
          (change): RecipeTrial => ({
            subject: `${recipe.name}: ${change.for}`,
            title: change.title,
            account: change.account === true,
            ...(change.note === undefined ? {} : { note: change.note }),
            ...(change.loses === undefined ? {} : { loses: change.loses }),
            apply: (input) => applyChange(recipe, change, { ...input, rootFs }),
          }),
        ),
    ),
  );
}

/** What no change of the image replaces, for programs that were left broken. */
export const rootNotes = (recipes: readonly Recipe[]): readonly string[] =>
  recipes.flatMap(({ name, needsRoot }) =>
    needsRoot === undefined ? [] : [`${name} needs root: ${needsRoot.why}. Instead: ${needsRoot.instead}`],
  );
