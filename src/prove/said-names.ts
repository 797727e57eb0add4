/** Looks for the names of files that a run made in what the image says: see `fixes/said-names`. */
import type { Finding } from '../finding/finding.ts';
import { isSaid, type Texts } from '../fixes/said-names.ts';
import type { Launch } from '../launch/launch.ts';
import type { Trace } from '../trace/event.ts';
import type { Subject } from './subject.ts';

const FILE_BYTES = 32 * 1024 * 1024;
const ALL_BYTES = 128 * 1024 * 1024;
const FILES = 2000;

export interface SaidNames {
  /** Looks up the names that these findings would make; nothing is read before there is one. */
  learn(findings: readonly Finding[]): Promise<void>;
  /** Of a name that was never looked up: no. */
  readonly says: (path: string) => boolean;
}

export function saidNames(trace: Trace, subject: Subject, { argv, env }: Launch): SaidNames {
  const known = new Map<string, boolean>();
  let loading: Promise<Texts> | undefined;
  return {
    async learn(findings) {
      for (const { operation } of findings) {
        if (operation === undefined || !('path' in operation)) continue;
        const makes = operation.kind === 'mkdir' || (operation.kind === 'open' && operation.create === true);
        if (!makes) continue;
        const { path, entry } = subject.rootFs.resolve(operation.path);
        if (entry !== undefined || known.has(path)) continue;
        loading ??= load(trace, subject, [argv.join('\n'), env.join('\n')]);
        known.set(path, isSaid(path, await loading));
      }
    },
    says: (path) => known.get(path) === true,
  };
}

/** Everything of the image that the run executed or read, the small files first. */
async function load(trace: Trace, { rootFs, image }: Subject, told: readonly string[]): Promise<Texts> {
  const sizes = new Map<string, number>();
  for (const { operation, errno, program } of trace.events) {
    const reads =
      errno === undefined && (operation.kind === 'exec' || (operation.kind === 'open' && operation.access === 'read'));
    for (const path of [...(reads ? [operation.path] : []), ...(program.startsWith('/') ? [program] : [])]) {
      const { entry } = rootFs.resolve(path);
      if (entry?.type === 'file' && entry.size > 0 && entry.size <= FILE_BYTES) sizes.set(entry.path, entry.size);
    }
  }
  const paths = new Set<string>();
  let total = 0;
  for (const [path, size] of [...sizes].sort(([a, m], [b, n]) => m - n || (a < b ? -1 : 1)).slice(0, FILES)) {
    total += size;
    if (total > ALL_BYTES) break;
    paths.add(path);
  }
  const contents = await rootFs.readFiles(paths, { limit: FILE_BYTES });
  const latin = new TextDecoder('latin1');
  const plain = [...told, (image.config.healthcheck?.test ?? []).join('\n')];
  const binary: string[] = [];
  for (const bytes of contents.values()) (bytes.includes(0) ? binary : plain).push(latin.decode(bytes));
  return { plain, binary };
}
