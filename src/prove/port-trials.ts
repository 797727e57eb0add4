/** Ways to move low ports, in the order they are tried: where the number is said, what is known of the program, what programs in containers ask for. */
import type { Fix } from '../finding/fix.ts';
import type { FixContext } from '../fixes/context.ts';
import { type Moved, movedByHabit, movedWhereSaid, movePort, type PortMove, portMoves } from '../fixes/move-port.ts';
import { argvAfter, configsAfter } from '../fixes/recipe.ts';
import { applyChange } from '../recipes/apply-change.ts';
import type { Recipe, RecipeChange } from '../recipes/recipe.ts';
import type { Experiment } from './experiment.ts';
import type { Observation } from './observation.ts';
import { listensMoved } from './ports.ts';

/** `low`: the ports that have to move. One number serves both protocols. */
export function portTrials(
  low: readonly number[],
  before: Observation,
  recipes: readonly Recipe[],
  healthcheck: readonly string[] | undefined,
): readonly Experiment[] {
  const moves = portMoves(low, new Set(before.ports.map(({ port }) => port)));
  const moved = new Map(moves.map(({ from, to }) => [from, to]));
  const ways: readonly ((context: FixContext) => Moved | undefined)[] = [
    (context) => movedWhereSaid(moves, context, false),
    ...recipes.map((recipe) => (context: FixContext) => movedByRecipe(moves, recipe, context)),
    () => movedByHabit(moves),
    (context) => movedWhereSaid(moves, context, true),
  ];
  return ways.map((way) => ({
    forPorts: true,
    try: ({ context, extra }) => {
      const change = way(afterFixes(extra, context));
      return change === undefined ? [] : [movePort(moves, change, healthcheck)];
    },
    helped: (after) => listensMoved(before, after, moved),
  }));
}

/** As earlier remedies left the command line and the configuration. */
export const afterFixes = (fixes: readonly Fix[], context: FixContext): FixContext => ({
  ...context,
  target: { ...context.target, argv: argvAfter(fixes, context) },
  configs: configsAfter(fixes, context),
});

/** undefined when the recipe knows nothing of ports, or nothing of one of these. */
function movedByRecipe(moves: readonly PortMove[], recipe: Recipe, context: FixContext): Moved | undefined {
  const changeFor = (from: number): RecipeChange | undefined =>
    recipe.changes?.find((one) => one.for === 'port' && one.ports?.includes(from) !== false);
  const { uid, gid } = context.recipient;
  let state = context;
  const applied: Fix[] = [];
  const did: string[] = [];
  for (const port of moves) {
    const change = changeFor(port.from);
    const one =
      change &&
      applyChange(recipe, change, {
        rootFs: context.rootFs,
        argv: state.target.argv,
        configs: state.configs,
        user: { uid, gid },
        port,
      });
    if (one === undefined) return undefined;
    did.push(...one.did);
    applied.push({
      id: 'move-port',
      subject: '',
      title: '',
      disposition: 'needs-review',
      answers: [],
      layer: one.layer,
      run: one.run,
    });
    state = afterFixes(applied, context);
  }
  const run = Object.assign({}, ...applied.map((fix) => fix.run)) as Fix['run'];
  const layer = [...new Map(applied.flatMap((fix) => fix.layer).map((entry) => [entry.path, entry])).values()];
  return { layer, run, did: [...new Set(did)] };
}
