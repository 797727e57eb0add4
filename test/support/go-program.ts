/** Programs built from their Go modules, as oracles: never for the product. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const place: string = fileURLToPath(new URL('../../.cache/reality/bin/', import.meta.url));
const run = promisify(execFile);

/** Pinned: newer ones want a newer Go. */
const PROGRAMS = {
  kustomize: 'sigs.k8s.io/kustomize/kustomize/v5@v5.7.1',
  helm: 'helm.sh/helm/v3/cmd/helm@v3.18.6',
} as const;

/** The program's path, or why there is none. The first build takes a minute or two and a download. */
export async function goProgram(
  name: keyof typeof PROGRAMS,
): Promise<{ readonly program: string } | { readonly missing: string }> {
  const module = PROGRAMS[name];
  const folder = join(place, module.replace(/.*@/, ''));
  const program = join(folder, name);
  if (existsSync(program)) return { program };
  try {
    await run('go', ['version']);
  } catch {
    return {
      missing: 'there is no go (1.24 or newer: https://go.dev/dl; Debian: apt-get install -t bookworm-backports golang-go)',
    };
  }
  try {
    mkdirSync(folder, { recursive: true });
    // Two test files asking at once wait for one build.
    const build = `test -x '${program}' || exec nice -n 10 go install ${module}`;
    await run('flock', [join(folder, 'lock'), 'sh', '-c', build], {
      timeout: 600_000,
      maxBuffer: 1 << 26,
      env: { ...process.env, GOBIN: folder, GOFLAGS: '', GOWORK: 'off' },
    });
    return { program };
  } catch (error) {
    const said = String((error as { readonly stderr?: unknown }).stderr ?? error).trim();
    return { missing: `go install ${module} failed, is the Go module proxy reachable? ${said.split('\n').slice(-2).join(' ')}` };
  }
}
