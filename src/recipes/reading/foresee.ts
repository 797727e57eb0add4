/** What a container will do, as far as its entrypoint and the configuration of its program say it: nothing is run. */
import type { RootFs } from '../../image/image.ts';
import type { Launch } from '../../launch/launch.ts';
import { matchingRecipes } from '../recipes.ts';
import type { Accounts } from './accounts.ts';
import type { ConfigReader } from './config-reading.ts';
import { hookCommands } from './hook-commands.ts';
import { imageFiles } from './image-files.ts';
import { readHaproxy } from './read-haproxy.ts';
import { readHttpd } from './read-httpd.ts';
import { readNginx } from './read-nginx.ts';
import type { ReadOperation, StartedProgram } from './read-operation.ts';
import { readRedis } from './read-redis.ts';
import { readScript } from './read-script.ts';
import { onPath } from './script-effects.ts';
import { operationsOf } from './shell-commands.ts';

/** By the name of the recipe. */
const READERS: Readonly<Record<string, ConfigReader>> = {
  nginx: readNginx,
  redis: readRedis,
  haproxy: readHaproxy,
  httpd: readHttpd,
};

/** More is not told: nobody reads it. */
const MAX_OPERATIONS = 500;

export async function foresee(launch: Launch, rootFs: RootFs, accounts: Accounts): Promise<readonly ReadOperation[]> {
  const files = imageFiles(rootFs);
  const env = new Map(launch.env.map((assignment) => [assignment.split('=')[0]!, assignment.slice(assignment.indexOf('=') + 1)]));
  const uid = launch.effectiveUid ?? launch.uid;
  const { executable } = launch;
  if (executable === undefined) return [];
  const input = { files, accounts, env, cwd: launch.cwd, uid, userName: launch.userName };
  const script = await readScript(executable, launch.argv, input);
  for (const { argv, because } of hookCommands(launch)) {
    const path = onPath(argv[0]!, { input, cwd: launch.cwd, scope: { variables: env } });
    if (path === undefined) continue;
    const { operations } = await readScript(path, argv, input);
    script.operations.push(...operations.map((one) => ({ ...one, text: `${because}: ${one.text}` })));
    for (const operation of operationsOf(argv, launch.cwd, files, accounts))
      script.operations.push({ operation, program: path, file: because, line: 0, text: argv.join(' '), confidence: 'medium' });
  }
  const programs: readonly StartedProgram[] = [
    ...script.programs,
    { argv: [executable, ...launch.argv.slice(1)], cwd: launch.cwd },
  ];
  const out: ReadOperation[] = [...script.operations];
  const done = new Set<string>();
  for (const { argv, cwd } of programs) {
    const [recipe] = matchingRecipes({ programs: argv.slice(0, 1), has: () => false });
    const read = recipe && READERS[recipe.name];
    if (read === undefined || done.has(argv.join('\0'))) continue;
    done.add(argv.join('\0'));
    out.push(...(await read({ argv, cwd, files, accounts, env, uid })));
  }
  return out.slice(0, MAX_OPERATIONS);
}
