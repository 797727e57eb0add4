/** All recipes, and which of them are about what is in an image. */
import type { Recipe } from './recipe.ts';
import { RECIPE_TEXTS } from './recipes.generated.ts';

/** In the order of their names. */
export const RECIPES: readonly Recipe[] = RECIPE_TEXTS.map((text) => JSON.parse(text) as Recipe);

/** What a recipe is matched by: programs that run, and whether the image has a file. */
export interface Present {
  /** Paths or names. */
  readonly programs: Iterable<string>;
  has(path: string): boolean;
}

const basename = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** The recipes that apply. What the image is called plays no part. */
export function matchingRecipes({ programs, has }: Present): readonly Recipe[] {
  const names = new Set([...programs].map(basename));
  return RECIPES.filter(({ match }) => {
    if (match === undefined) return false;
    const runs = (match.programs ?? []).some((pattern) => [...names].some((name) => isNamed(name, pattern)));
    return (runs && (match.requires ?? []).every(has)) || match.files?.every(has) === true;
  });
}

/** `php-fpm*` is php-fpm8.2; `python*` is python3.11, and not python-config. */
export function isNamed(name: string, pattern: string): boolean {
  if (!pattern.endsWith('*')) return name === pattern;
  const stem = pattern.slice(0, -1);
  return name.startsWith(stem) && /^[0-9.]*$/.test(name.slice(stem.length));
}
