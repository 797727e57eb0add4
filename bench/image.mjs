// Start-up and the image reader, against node, tar, pigz, skopeo, umoci and the TypeScript peer.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { benchDir, fixtures } from './fixtures.mjs';
import { has, interleaved, run } from './measure.mjs';

const SNYK = { 'snyk-docker-plugin': '9.20.2' };

/** What the image bench cannot do without. */
export function whyNoImages() {
  for (const program of ['mmdebstrap', 'pigz']) if (!has(program)) return `apt-get install -y ${program}`;
  return undefined;
}

/** Rows of the table: `{ what, value, unit, goal?, detail }`. `cli` is the bundle's entry. */
export async function imageRows(root, cli, rounds, skipped) {
  const files = fixtures();
  const map = await mapProgram(root);
  const node = (...args) => [process.execPath, ...args];
  const archive = `docker-archive:${files.plain}`;
  const short = {
    'node -e 0': { command: node('-e', '0') },
    'unroot --version': { command: node(cli, '--version') },
    'unroot --help': { command: node(cli, '--help') },
    who: { command: node(cli, 'who', archive) },
    'who, profile named': { command: node(cli, 'who', '--platform-profile', 'docker', archive) },
    'tar t': { command: `tar tf ${files.tar} > /dev/null` },
    'map, plain': { command: node(map, archive) },
  };
  const long = {
    'pigz -dc': { command: `pigz -dc ${files.gz} > /dev/null` },
    'tar tz': { command: `tar tzf ${files.gz} > /dev/null` },
    'map, gzip layer': { command: node(map, `oci:${files.layout}`) },
    'map, gzip outside': { command: node(map, `docker-archive:${files.plainGz}`) },
  };
  if (has('skopeo')) short['skopeo inspect'] = { command: `skopeo inspect --config ${archive} > /dev/null` };
  else skipped.push('skopeo: apt-get install -y skopeo');
  if (has('umoci')) {
    const out = join(benchDir, 'umoci');
    const command = `rm -rf ${out}; umoci unpack --rootless --image ${files.layout}:latest ${out} > /dev/null`;
    long['umoci unpack'] = { command, rounds: 3 };
  } else skipped.push('umoci: apt-get install -y umoci');
  const snyk = snykProgram(skipped);
  if (snyk !== undefined) long['snyk-docker-plugin'] = { command: node(snyk, archive), rounds: 3 };

  // Apart, because what fills the caches for a second is no fair neighbour of what takes 60 ms.
  const times = new Map([...interleaved(short, 2 * rounds), ...interleaved(long, rounds)]);
  const median = (name) => times.get(name).median;
  const base = median('node -e 0');
  const ms = (name) => `${median(name).toFixed(0)} ms`;
  const ratio = (what, a, b, goal, start = 0) => ({
    what,
    value: (median(a) - start) / median(b),
    unit: '×',
    goal,
    detail: `${(median(a) - start).toFixed(0)} ms, ${b} ${ms(b)}`,
  });
  const rows = [
    ratio('`unroot --version` against `node -e 0`', 'unroot --version', 'node -e 0', 1.5),
    ratio('`unroot --help` against `node -e 0`', 'unroot --help', 'node -e 0', 1.5),
  ];
  const over = (what, name) =>
    rows.push({
      what,
      value: median(name) - base,
      unit: 'ms',
      goal: 60,
      detail: `${ms(name)}, fastest ${times.get(name).fastest.toFixed(0)} ms, node -e 0 ${ms('node -e 0')}`,
    });
  over('`unroot who` over `node -e 0`', 'who');
  over('`unroot who --platform-profile docker` over `node -e 0`', 'who, profile named');
  if (times.has('skopeo inspect')) {
    rows.push({
      what: '`skopeo inspect`, for comparison',
      value: median('skopeo inspect'),
      unit: 'ms',
      detail: 'configuration only',
    });
  }
  rows.push(...readByWho(node(cli, 'who', '--platform-profile', 'docker', archive), files, skipped));
  rows.push(ratio('map of the plain archive, over `node -e 0`, against `tar t`', 'map, plain', 'tar t', 3, base));
  rows.push(ratio('map of the gzip layer against `pigz -dc`', 'map, gzip layer', 'pigz -dc', 1.3));
  rows.push(ratio('map of the gzip archive against `pigz -dc`', 'map, gzip outside', 'pigz -dc', 1.3));
  rows.push(ratio('map of the gzip layer against `tar tz`', 'map, gzip layer', 'tar tz', 1));
  if (times.has('umoci unpack'))
    rows.push(ratio('map of the gzip layer against `umoci unpack`', 'map, gzip layer', 'umoci unpack', 1));
  if (times.has('snyk-docker-plugin')) {
    rows.push(ratio('map of the plain archive against `snyk-docker-plugin`', 'map, plain', 'snyk-docker-plugin', 1));
    rows.push(ratio('map of the gzip layer against `snyk-docker-plugin`, plain', 'map, gzip layer', 'snyk-docker-plugin', 1));
  }
  const memory = (what, target) => {
    const [entries, megabytes] = run(node(map, target)).stdout.trim().split(' ');
    rows.push({ what, value: Number(megabytes), unit: 'MB', goal: 250, detail: `${entries} entries` });
  };
  memory('memory, map of 1 GB in 5 plain layers', `docker-archive:${files.big}`);
  memory('memory, map of the gzip layer', `oci:${files.layout}`);
  rmSync(join(benchDir, 'umoci'), { recursive: true, force: true });
  return { rows, size: files.bytes };
}

/** The path map and nothing else: opens, merges, walks all entries. Bundled as dist/ is. */
async function mapProgram(root) {
  const folder = join(benchDir, 'map');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const entry = join(folder, 'entry.ts');
  writeFileSync(
    entry,
    `import { openImage } from '${join(root, 'src/image/sources/index.ts')}';
async function main() {
  const image = await openImage(process.argv[2], { limits: { maxRatio: 5000 } });
  let count = 0;
  for (const entry of (await image.rootFs()).entries()) count += entry.uid >= 0 ? 1 : 0;
  await image.close();
  process.stdout.write(count + ' ' + Math.round(process.resourceUsage().maxRSS / 1024));
}
void main();`,
  );
  const build = await rolldown({ input: { map: entry }, platform: 'node', cwd: root });
  await build.write({ dir: folder, format: 'cjs', entryFileNames: '[name].cjs', chunkFileNames: '[name]-[hash].cjs' });
  await build.close();
  return join(folder, 'map.cjs');
}

/** How much of the archive `who` reads: all headers, with what lies beside them, and two files. */
function readByWho(command, files, skipped) {
  if (!has('strace')) {
    skipped.push('bytes read by who: apt-get install -y strace');
    return [];
  }
  const log = join(benchDir, 'strace.log');
  run(['strace', '-f', '-y', '-e', 'trace=pread64', '-o', log, ...command]);
  const sizes = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line.includes(files.plain))
    .map((line) => Number(/= (\d+)$/.exec(line)?.[1] ?? 0));
  rmSync(log);
  const bytes = sizes.reduce((a, b) => a + b, 0);
  const detail = `${sizes.length} reads, of ${(files.bytes / 1e6).toFixed(0)} MB`;
  return [{ what: '`unroot who` reads of the archive', value: bytes / 1e6, unit: 'MB', detail }];
}

/** Far too heavy for package.json: 70 MB, in the bench's own folder. */
function snykProgram(skipped) {
  const folder = join(benchDir, 'snyk');
  const program = join(folder, 'scan.cjs');
  if (!existsSync(join(folder, 'node_modules/snyk-docker-plugin/package.json'))) {
    mkdirSync(folder, { recursive: true });
    const manifest = { private: true, dependencies: SNYK, overrides: { shescape: '2.1.12' } };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    const npm = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: folder, encoding: 'utf8' });
    if (npm.status !== 0) {
      skipped.push(
        `snyk-docker-plugin: npm could not install it (${npm.stderr.split('\n').find((line) => line.includes('npm error')) ?? ''})`,
      );
      return undefined;
    }
  }
  writeFileSync(
    program,
    `const { scan } = require('snyk-docker-plugin');
scan({ path: process.argv[2] }).then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });`,
  );
  const probe = spawnSync(process.execPath, [program, `docker-archive:${join(benchDir, 'image.tar')}`], { encoding: 'utf8' });
  if (probe.status === 0) return program;
  skipped.push(`snyk-docker-plugin does not read the image: ${probe.stderr.trim().split('\n')[0]}`);
  return undefined;
}
