/** One change of a recipe on one image, as layer entries and run settings. Pure: nothing is touched. */
import type { LayerChange, Run } from '../finding/fix.ts';
import type { RootFs } from '../image/image.ts';
import type { Recipe, RecipeChange, Step } from './recipe.ts';
import { isNamed } from './recipes.ts';

export interface ApplyInput {
  readonly rootFs: RootFs;
  /** Text files that the program reads, by their real path. */
  readonly configs: ReadonlyMap<string, string>;
  /** What the container starts. */
  readonly argv: readonly string[];
  readonly user: { readonly uid: number; readonly gid: number; readonly name?: string; readonly group?: string };
  /** For changes of a port. */
  readonly port?: { readonly from: number; readonly to: number };
}

export interface Applied {
  readonly layer: readonly LayerChange[];
  readonly run: Partial<Run>;
  /** What was really changed, in words. */
  readonly did: readonly string[];
}

/** Undefined when it changes nothing: the program is not told there what the recipe would take away, or is not on the command line. */
export function applyChange({ match }: Recipe, change: RecipeChange, input: ApplyInput): Applied | undefined {
  const fill = filler(input);
  if (change.for === 'port' && input.port === undefined) return undefined;
  const files = new Map<string, string>();
  const layer: LayerChange[] = [];
  const did: string[] = [];
  let argv = input.argv;
  let env: Readonly<Record<string, string>> | undefined;
  const text = (path: string): string => files.get(path) ?? input.configs.get(path) ?? '';
  for (const step of change.steps) {
    switch (step.kind) {
      case 'arguments': {
        const changed = withArguments(argv, match?.programs ?? [], step, fill);
        // A recipe for a program that something else starts, with words of its own.
        if (changed === undefined) return undefined;
        if (changed.join('\0') !== argv.join('\0')) did.push(`start ${changed.join(' ')}`);
        argv = changed;
        break;
      }
      case 'env':
        env = { ...env, ...Object.fromEntries(Object.entries(step.set).map(([name, value]) => [name, fill(value)])) };
        did.push(
          Object.entries(env)
            .map(([name, value]) => `${name}=${value}`)
            .join(' '),
        );
        break;
      case 'edit':
        for (const path of pathsLike(step.files, input.configs)) {
          const edited = editLines(text(path), step, fill);
          if (edited === text(path)) continue;
          files.set(path, edited);
          did.push(`edit ${path}`);
        }
        break;
      case 'append': {
        const path = mainFile(pathsLike(step.files, input.configs));
        const lines = step.lines.flatMap((line) =>
          typeof line === 'string' ? [fill(line)] : input.rootFs.resolve(line.with).entry ? [fill(line.text)] : [],
        );
        if (path === undefined || lines.length === 0) return undefined;
        files.set(path, `${text(path).replace(/\n*$/, '\n')}${lines.join('\n')}\n`);
        did.push(`${path}: ${lines.join('; ')}`);
        break;
      }
      case 'own':
      case 'directory':
        for (const path of step.paths) {
          const entry = input.rootFs.resolve(path).entry;
          if (step.kind === 'own' && entry === undefined) continue;
          const mode = step.mode === undefined ? undefined : Number.parseInt(step.mode, 8);
          const { uid, gid } = input.user;
          if (entry === undefined) layer.push({ kind: 'directory', path, uid, gid, mode: mode ?? 0o755 });
          else layer.push({ kind: 'own', path: entry.path, uid, gid, mode: mode ?? entry.mode });
          did.push(`${path} belongs to ${uid}`);
        }
    }
  }
  if (did.length === 0) return undefined;
  const run: Partial<Run> = {
    ...(argv === input.argv ? {} : { entrypoint: argv.slice(0, 1), command: argv.slice(1) }),
    ...(env === undefined ? {} : { env }),
  };
  return { layer: [...fileChanges(files, layer, input), ...unwritten(layer, files)], run, did };
}

/** New contents, with the owner that another step of the same change asks for. */
function fileChanges(files: ReadonlyMap<string, string>, owned: readonly LayerChange[], { rootFs }: ApplyInput): LayerChange[] {
  return [...files].flatMap(([path, content]): LayerChange[] => {
    const entry = rootFs.resolve(path).entry;
    if (entry?.type !== 'file') return [];
    const own = owned.find((change) => change.kind === 'own' && change.path === entry.path);
    const { uid, gid, mode } = own?.kind === 'own' ? own : entry;
    return [{ kind: 'file', path: entry.path, uid, gid, mode, content }];
  });
}

const unwritten = (layer: readonly LayerChange[], files: ReadonlyMap<string, string>): LayerChange[] =>
  layer.filter(({ path }) => !files.has(path));

/** `{uid}` and the others; what has no value stays, so that a reader sees it. */
function filler({ user, port }: ApplyInput): (text: string) => string {
  const values: Readonly<Record<string, string | number | undefined>> = {
    uid: user.uid,
    gid: user.gid,
    name: user.name,
    group: user.group,
    from: port?.from,
    to: port?.to,
  };
  return (text) => text.replace(/\{(uid|gid|name|group|from|to)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** Long lines are no configuration that a recipe means, and regular expressions shall not work on them. */
const MAX_LINE = 4096;

function editLines(text: string, step: Step & { kind: 'edit' }, fill: (text: string) => string): string {
  const pattern = new RegExp(fill(step.line));
  return text
    .split('\n')
    .map((line) => {
      if (line.length > MAX_LINE || !pattern.test(line)) return line;
      return step.to === undefined ? `${step.comment ?? '#'}${line}` : line.replace(pattern, fill(step.to));
    })
    .join('\n');
}

const pathsLike = (pattern: string, configs: ReadonlyMap<string, string>): string[] =>
  [...configs.keys()].filter((path) => new RegExp(pattern).test(path)).sort();

/** The one nearest to the root: others are included by it. */
const mainFile = (paths: readonly string[]): string | undefined =>
  [...paths].sort((a, b) => a.split('/').length - b.split('/').length || (a < b ? -1 : 1))[0];

/** The command line with other words behind the program; undefined when the program is not on it. */
function withArguments(
  argv: readonly string[],
  programs: readonly string[],
  step: Step & { kind: 'arguments' },
  fill: (text: string) => string,
): readonly string[] | undefined {
  const at = argv.findIndex((word) => programs.some((pattern) => isNamed(word.slice(word.lastIndexOf('/') + 1), pattern)));
  if (at < 0) return undefined;
  const patterns = (step.remove ?? []).map((pattern) => new RegExp(`^(?:${fill(pattern)})$`));
  const is = (text: string): boolean => patterns.some((pattern) => pattern.test(text));
  const kept: string[] = [];
  for (let index = at + 1; index < argv.length; index++) {
    const word = argv[index] as string;
    // An option and its value: one word or two.
    if (is(word)) continue;
    if (index + 1 < argv.length && is(`${word} ${argv[index + 1]}`)) index++;
    else kept.push(word);
  }
  const add = (step.add ?? []).map(fill).filter((word) => !kept.includes(word));
  return [...argv.slice(0, at + 1), ...add, ...kept];
}
