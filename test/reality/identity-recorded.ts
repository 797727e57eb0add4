/** Observations kept as data: what a runtime that is not at hand everywhere told, so that the model is held against it in every run. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { HostFacts } from '../../src/launch/input.ts';
import type { Observed } from './identity-compare.ts';

export interface RecordedRuntime {
  /** Versions of the runtime and what it started with. */
  readonly runtime: string;
  readonly runc: string;
  /** ISO 8601, the day it was recorded. */
  readonly recorded: string;
  readonly host: HostFacts;
  readonly observed: Readonly<Record<string, Observed>>;
}

/** Standard outputs share most of their lines: each is kept as numbers of a common list. */
interface OnDisk extends Omit<RecordedRuntime, 'observed'> {
  readonly lines: readonly string[];
  readonly cases: Readonly<Record<string, string | Exclude<Observed, { kind: 'ran' }>>>;
}

/** Undefined when nothing was recorded. */
export function readRecorded(place: string): RecordedRuntime | undefined {
  if (!existsSync(place)) return undefined;
  const { lines, cases, ...about } = JSON.parse(readFileSync(place, 'utf8')) as OnDisk;
  const observed = Object.entries(cases).map(([name, told]): [string, Observed] => [
    name,
    typeof told === 'string'
      ? {
          kind: 'ran',
          stdout: told
            .split(' ')
            .map((number) => lines[Number(number)])
            .join('\n'),
        }
      : told,
  ]);
  return { ...about, observed: Object.fromEntries(observed) };
}

/** Whole or not at all. */
export function writeRecorded(place: string, { observed, ...about }: RecordedRuntime): void {
  const lines = new Map<string, number>();
  const number = (line: string): number => {
    const known = lines.get(line);
    if (known !== undefined) return known;
    lines.set(line, lines.size);
    return lines.size - 1;
  };
  const cases = Object.entries(observed).map(([name, told]): [string, OnDisk['cases'][string]] => [
    name,
    told.kind === 'ran' ? lasting(told.stdout).map(number).join(' ') : told,
  ]);
  const text = JSON.stringify(
    { ...about, cases: Object.fromEntries(cases), lines: [...lines.keys()] } satisfies OnDisk,
    undefined,
    1,
  );
  mkdirSync(dirname(place), { recursive: true });
  writeFileSync(`${place}.new`, `${text}\n`);
  renameSync(`${place}.new`, place);
}

/** Of /proc/self/status, only what is compared; the rest is different every time. */
const lasting = (stdout: string): string[] =>
  stdout
    .split('\n')
    .filter((line) => !line.startsWith('Env:\tHOSTNAME='))
    .filter((line) =>
      /^(?:Uid|Gid|Groups|Cap\w+|NoNewPrivs|Cwd|Umask0|PortStart|PingRange|Argv|Env|Stream|At|)(?::|$)/.test(line),
    );
