/** The Go program that asks upstream's own package: built when Go and the modules are at hand. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Json } from './pod-generator.ts';

const source: string = fileURLToPath(new URL('go/pod-security/', import.meta.url));
const place: string = fileURLToPath(new URL('../../.cache/reality/', import.meta.url));

export interface Question {
  readonly policy: string;
  readonly pod: Json;
}

/** What the labels of a namespace ask for; `defaults` stand for all three modes. */
export interface LabelQuestion {
  readonly labels: Readonly<Record<string, string>>;
  readonly defaults: string;
}

export interface Answer {
  readonly allowed: boolean;
  readonly reason?: string;
  readonly detail?: string;
  /** The API machinery would not decode it. */
  readonly error?: string;
  /** To labels: enforce, audit, warn, and what is wrong with them. */
  readonly policy?: readonly string[];
  readonly errors?: readonly string[];
}

const run = promisify(execFile);

/** The program's path, or why there is none. The first build takes half a minute and a download. */
export async function buildOracle(): Promise<{ readonly program: string } | { readonly missing: string }> {
  try {
    await run('go', ['version']);
  } catch {
    return {
      missing: 'there is no go (1.26 or newer: https://go.dev/dl; Debian: apt-get install -t bookworm-backports golang-go)',
    };
  }
  mkdirSync(place, { recursive: true });
  const program = join(place, 'pod-security-oracle');
  try {
    await run('go', ['build', '-buildvcs=false', '-o', program, '.'], {
      cwd: source,
      timeout: 240_000,
      env: { ...process.env, GOFLAGS: '-mod=readonly', GOWORK: 'off' },
    });
    return { program };
  } catch (error) {
    const said = String((error as { readonly stderr?: unknown }).stderr ?? error).trim();
    return { missing: `go build failed, is the Go module proxy reachable? ${said.split('\n').slice(-2).join(' ')}` };
  }
}

/** One answer per question, in order. */
export function askOracle(program: string, questions: readonly (Question | LabelQuestion)[]): readonly Answer[] {
  const { status, stdout, stderr } = spawnSync(program, [], {
    input: questions.map((one) => `${JSON.stringify(one)}\n`).join(''),
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  const answers = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Answer);
  if (status !== 0 || answers.length !== questions.length)
    throw new Error(`${answers.length} answers to ${questions.length} questions, exit ${status}: ${stderr}`);
  return answers;
}
