/** The Go program that asks upstream's own package: built when Go and the modules are at hand. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Json } from './pod-generator.ts';

const source: string = fileURLToPath(new URL('go/pod-security/', import.meta.url));
const place: string = fileURLToPath(new URL('../../.cache/reality/', import.meta.url));

export interface Question {
  readonly policy: string;
  readonly pod: Json;
}

export interface Answer {
  readonly allowed: boolean;
  readonly reason?: string;
  readonly detail?: string;
  /** The API machinery would not decode it. */
  readonly error?: string;
}

/** The program's path, or why there is none. The first build takes half a minute and a download. */
export function buildOracle(): { readonly program: string } | { readonly missing: string } {
  const version = spawnSync('go', ['version'], { encoding: 'utf8' });
  if (version.status !== 0) return { missing: 'there is no go (apt-get install golang-go, 1.26 or newer by itself)' };
  mkdirSync(place, { recursive: true });
  const program = join(place, 'pod-security-oracle');
  const built = spawnSync('go', ['build', '-buildvcs=false', '-o', program, '.'], {
    cwd: source,
    encoding: 'utf8',
    timeout: 240_000,
    env: { ...process.env, GOFLAGS: '-mod=readonly', GOWORK: 'off' },
  });
  if (built.status === 0) return { program };
  return { missing: `go build failed, is the Go module proxy reachable? ${built.stderr.trim().split('\n').slice(-2).join(' ')}` };
}

/** One answer per question, in order. */
export function askOracle(program: string, questions: readonly Question[]): readonly Answer[] {
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
