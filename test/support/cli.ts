/** Runs the bundled command line in a clean environment, and checks documents against the published schemas. */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { freshDist } from './build.ts';

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  /** Undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly timeoutMs?: number;
}

/** Only what programs need; no UNROOT_…, NO_COLOR or CI of the machine the tests run on. */
export const cleanEnv = (): Record<string, string> => ({
  PATH: process.env.PATH ?? '',
  HOME: process.env.HOME ?? '/',
  LANG: 'C.UTF-8',
  // No test asks a registry of the world.
  UNROOT_OFFLINE: '1',
});

/** `unroot ARGS`. */
export function unroot(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [freshDist(), ...args], {
      env: { ...cleanEnv(), ...options.env },
      cwd: options.cwd ?? process.cwd(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    // Before the test's own limit, so that what it said so far, and what it waits for, is seen.
    const limit = options.timeoutMs ?? 110_000;
    const timer = setTimeout(() => {
      stderr += `\n(no end after ${limit / 1000} s; running below it:)\n${runningBelow(child.pid ?? 0)}`;
      child.kill('SIGTERM');
    }, limit);
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, stdout, stderr });
    });
  });
}

/** A process and all that came from it, as ps tells. */
function runningBelow(top: number): string {
  const lines = spawnSync('ps', ['-eo', 'pid,ppid,etimes,stat,wchan:24,args'], { encoding: 'utf8' }).stdout?.split('\n') ?? [];
  const known = new Set([top]);
  for (let size = 0; size !== known.size; ) {
    size = known.size;
    for (const line of lines) {
      const [pid, ppid] = line.trim().split(/\s+/, 2).map(Number);
      if (pid !== undefined && ppid !== undefined && known.has(ppid)) known.add(pid);
    }
  }
  return lines.filter((line) => known.has(Number.parseInt(line, 10))).join('\n');
}

const ajv: Ajv2020 = new Ajv2020({ allErrors: true });

/** What is wrong with a document by `schemas/NAME.schema.json`; empty = nothing. */
export function schemaErrors(name: string, document: unknown): readonly string[] {
  const file = fileURLToPath(new URL(`../../schemas/${name}.schema.json`, import.meta.url));
  const schema = JSON.parse(readFileSync(file, 'utf8')) as { $id: string };
  const validate = ajv.getSchema(schema.$id) ?? ajv.compile(schema);
  return validate(document)
    ? []
    : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message ?? ''} ${JSON.stringify(error.params)}`);
}

/** The report of this kind that a run printed; what came instead is the error. */
export function reportOf<Report>({ code, stdout, stderr }: CliResult, kind: string): Report {
  const came = `came instead of a report of ${kind} (exit code ${code}): ${stdout.slice(0, 2000)}${stderr.slice(-4000)}`;
  if (!stdout.startsWith('{')) throw new Error(came);
  const report = JSON.parse(stdout) as Report & { kind: string };
  if (report.kind !== kind) throw new Error(came);
  return report;
}
