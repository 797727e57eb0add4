// Writes src/recipes/recipes.generated.ts from recipes/*.yaml, so that recipes are in the bundle and in a browser without reading files.
// With --check: says whether they are in step, and writes nothing.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = `${root}src/recipes/recipes.generated.ts`;

/** The file's text, as it should be. */
export function generated() {
  const recipes = readdirSync(`${root}recipes`)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .map((file) => {
      const recipe = parse(readFileSync(`${root}recipes/${file}`, 'utf8'));
      if (recipe?.name !== basename(file, '.yaml'))
        throw new Error(`recipes/${file}: its name must be ${basename(file, '.yaml')}`);
      return recipe;
    });
  // One recipe a line, as JSON: nobody reads this file, and no formatter should turn it round.
  const lines = recipes.map((recipe) => `  ${JSON.stringify(JSON.stringify(recipe))},\n`);
  return `/** Made from recipes/*.yaml by scripts/recipes.mjs; do not edit. */
// biome-ignore format: one recipe a line
export const RECIPE_TEXTS: readonly string[] = [
${lines.join('')}];
`;
}

/** Throws when they are not. */
export function checkInStep() {
  if (readFileSync(target, 'utf8') === generated()) return;
  throw new Error('src/recipes/recipes.generated.ts is not in step with recipes/*.yaml: node scripts/recipes.mjs');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv[2] === '--check') checkInStep();
  else writeFileSync(target, generated());
}
