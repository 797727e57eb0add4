/** `unroot lab serve`: the workshop in the browser, on this machine only, until Ctrl-C. */
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UnrootError } from '../error.ts';
import { labsFolder } from '../lab/find-labs.ts';
import { labPlayer } from '../lab/serve/play.ts';
import { serveLabs } from '../lab/serve/serve.ts';
import type { CommandContext } from './command.ts';
import type { LabFlags } from './lab-flags.ts';
import { print } from './output.ts';
import { usageError } from './usage-error.ts';
import { VERSION } from './version.ts';

/** Prints the address and serves; opens no browser. */
export async function serveInBrowser(flags: LabFlags & { readonly port: string }, context: CommandContext): Promise<void> {
  const port = Number(flags.port);
  if (!/^\d{1,5}$/.test(flags.port) || port > 65535)
    throw usageError(`--port ${flags.port} is no port`, 'a number from 0 (any) to 65535');
  const server = await serveLabs({ port, page: pageFolder(), version: VERSION, player: labPlayer(labsFolder(flags.labs)) });
  try {
    const quiet = flags.quiet === true;
    await print(
      quiet
        ? `${server.url}\n`
        : `The workshop is at\n\n  ${server.url}\n\nThe address holds the secret of this run: open all of it, and give it to nobody. Ctrl-C ends every lab.\n`,
    );
    if (!context.signal.aborted)
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve, { once: true }));
  } finally {
    await server.close();
  }
}

/** `lab` beside the bundle, wherever it was linked from; from the sources, the one that was built last. */
function pageFolder(): string {
  const program = dirname(realpathSync(process.argv[1] ?? '.'));
  for (let folder = program; ; folder = dirname(folder)) {
    const found = [join(folder, 'lab'), join(folder, 'dist/lab')].find((one) => existsSync(join(one, 'index.html')));
    if (found !== undefined) return found;
    if (folder === dirname(folder)) break;
  }
  throw new UnrootError('The page of the workshop is not there', {
    code: 'lab.no-page',
    hint: 'npm run build, or install unroot anew',
  });
}
