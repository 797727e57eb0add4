// Measures the image reader against node, tar and pigz in one run. Needs mmdebstrap, pigz and tar; files are kept in /tmp/unroot-bench.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const dir = process.env.UNROOT_BENCH_DIR ?? '/tmp/unroot-bench';
const rounds = Number(process.argv[2] ?? 7);
const has = (program) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
for (const [program, line] of [
  ['mmdebstrap', 'apt-get install mmdebstrap'],
  ['pigz', 'apt-get install pigz'],
]) {
  if (!has(program)) {
    console.error(`SKIPPED: the image bench needs ${program} (${line})`);
    process.exit(0);
  }
}
mkdirSync(dir, { recursive: true });

const tar = join(dir, 'root.tar');
if (!existsSync(tar)) {
  console.error('building the image (about 30 s, once)');
  const packages = '--include=nginx-light,redis-server,curl,ca-certificates';
  execFileSync('mmdebstrap', ['--variant=minbase', packages, 'bookworm', `${tar}.new.tar`], {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  renameSync(`${tar}.new.tar`, tar);
}
const sha = (path) => `sha256:${execFileSync('sha256sum', [path]).toString().slice(0, 64)}`;
const gz = `${tar}.gz`;
if (!existsSync(gz)) {
  execFileSync('sh', ['-c', `pigz -c ${tar} > ${gz}.new && mv ${gz}.new ${gz}`]);
}
const archive = join(dir, 'docker.tar');
if (!existsSync(archive)) writeArchive(archive, [tar]);
const archiveGz = `${archive}.gz`;
if (!existsSync(archiveGz))
  execFileSync('sh', ['-c', `pigz -c ${archive} > ${archiveGz}.new && mv ${archiveGz}.new ${archiveGz}`]);
// About 1 GB: the same tree five times over.
const big = join(dir, 'big.tar');
if (!existsSync(big)) writeArchive(big, [tar, tar, tar, tar, tar]);
const layout = join(dir, 'layout');
if (!existsSync(layout)) writeLayout(layout);

const bundle = join(dir, 'bundle');
const build = await rolldown({ input: { image: join(root, 'src/image/sources/index.ts') }, platform: 'node' });
await build.write({ dir: bundle, format: 'esm', chunkFileNames: 'chunks/[name]-[hash].js', entryFileNames: '[name].mjs' });
await build.close();
writeFileSync(join(bundle, 'package.json'), '{"type":"module"}');
const script = (name, body) => {
  const path = join(bundle, name);
  writeFileSync(path, `import { openImage } from './image.mjs';\n${body}`);
  return path;
};
const who = script(
  'who.mjs',
  `const image = await openImage(process.argv[2]);
const files = await image.readFiles(['/etc/passwd', '/etc/group']);
if (files.size !== 2) throw new Error('passwd and group not found');
await image.close();`,
);
const map = script(
  'map.mjs',
  `const image = await openImage(process.argv[2], { limits: { maxRatio: 5000 } });
const fs = await image.rootFs();
let count = 0;
for (const entry of fs.entries()) count += entry.uid >= 0 ? 1 : 0;
await image.close();
console.log(count, Math.round(process.resourceUsage().maxRSS / 1024));`,
);

const sh = (command) => ['sh', ['-c', command]];
const node = (...args) => [process.execPath, args];
const subjects = {
  'node -e 0': node('-e', '0'),
  'who, plain docker-archive': node(who, archive),
  'tar t, plain': sh(`tar tf ${tar} > /dev/null`),
  'map, plain docker-archive': node(map, archive),
  'pigz -dc': sh(`pigz -dc ${gz} > /dev/null`),
  'tar tz': sh(`tar tzf ${gz} > /dev/null`),
  'map, OCI layout with a gzip layer': node(map, layout),
  'map, docker-archive with gzip outside': node(map, archiveGz),
};
const peers = {
  'skopeo inspect, plain': ['skopeo', sh(`skopeo inspect --config docker-archive:${archive} > /dev/null`)],
  'umoci unpack': [
    'umoci',
    sh(`rm -rf ${dir}/umoci; umoci unpack --rootless --image ${layout}:latest ${dir}/umoci > /dev/null; rm -rf ${dir}/umoci`),
  ],
};
const times = {};
const run = (name, [program, args]) => {
  const start = process.hrtime.bigint();
  const result = spawnSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const elapsed = Number(process.hrtime.bigint() - start) / 1e6;
  if (result.status !== 0) throw new Error(`${name}: ${result.stderr}`);
  times[name] = [...(times[name] ?? []), elapsed];
  return result.stdout.toString();
};
for (let i = 0; i < rounds + 1; i++) {
  for (const [name, command] of Object.entries(subjects)) run(name, command);
  if (i === 0) for (const name of Object.keys(times)) times[name] = []; // warm-up
}
for (const [name, [program, command]] of Object.entries(peers)) if (has(program)) run(name, command);
const [, rss] = run('map, 1 GB docker-archive', node(map, big)).split(' ');
const bigGz = run('map, OCI layout with a gzip layer', node(map, layout)).split(' ');

const median = (name) => [...times[name]].sort((a, b) => a - b)[Math.floor(times[name].length / 2)];
const ms = (value) => `${value.toFixed(0).padStart(6)} ms`;
console.log(`image of ${(statSync(tar).size / 1e6).toFixed(0)} MB, median of ${rounds} interleaved rounds`);
for (const name of Object.keys(times)) console.log(`${ms(median(name))}  ${name}`);
const base = median('node -e 0');
const rows = [
  ['who, plain: over node -e 0', median('who, plain docker-archive') - base, 60, 'ms'],
  ['map, plain: over node -e 0, against tar t', (median('map, plain docker-archive') - base) / median('tar t, plain'), 3, '×'],
  ['map, gzip layer: against pigz -dc', median('map, OCI layout with a gzip layer') / median('pigz -dc'), 1.3, '×'],
  ['map, gzip layer: against tar tz', median('map, OCI layout with a gzip layer') / median('tar tz'), 1, '×'],
  ['map, gzip outside: against pigz -dc', median('map, docker-archive with gzip outside') / median('pigz -dc'), 1.3, '×'],
  ['memory of the map of 1 GB', Number(rss), 250, 'MB'],
  ['memory of the map, gzip layer', Number(bigGz[1]), 250, 'MB'],
];
let failed = false;
for (const [what, value, limit, unit] of rows) {
  const ok = value <= limit;
  failed ||= !ok;
  console.log(`${ok ? 'ok  ' : 'MISS'} ${what}: ${value.toFixed(2)} ${unit} (at most ${limit})`);
}
process.exitCode = failed ? 1 : 0;

function document(diffIds) {
  return JSON.stringify({
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: diffIds },
  });
}
function writeArchive(path, layers) {
  const id = sha(layers[0]);
  const config = document(layers.map(() => id));
  const files = layers.map((file, i) => [`${i}/layer.tar`, file]);
  const fd = openSync(`${path}.new`, 'w');
  const member = (name, size) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write('0000644\0' + '0000000\0' + '0000000\0', 100);
    header.write(`${size.toString(8).padStart(11, '0')}\0` + '00000000000\0' + '        0', 124);
    header.write('ustar\0' + '00', 257);
    const sum = header.reduce((a, b) => a + b, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    writeSync(fd, header);
  };
  const content = (bytes) => {
    writeSync(fd, bytes);
    writeSync(fd, Buffer.alloc((512 - (bytes.length % 512)) % 512));
  };
  for (const [name, file] of files) {
    member(name, statSync(file).size);
    content(readFileSync(file));
  }
  const manifest = JSON.stringify([{ Config: 'config.json', RepoTags: ['bench:latest'], Layers: files.map(([name]) => name) }]);
  for (const [name, text] of [
    ['config.json', config],
    ['manifest.json', manifest],
  ]) {
    member(name, text.length);
    content(Buffer.from(text));
  }
  writeSync(fd, Buffer.alloc(1024));
  closeSync(fd);
  renameSync(`${path}.new`, path);
}
function writeLayout(path) {
  const temporary = `${path}.new`;
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(join(temporary, 'blobs/sha256'), { recursive: true });
  const put = (bytes, mediaType) => {
    const hex = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(join(temporary, 'blobs/sha256', hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const layer = put(readFileSync(gz), 'application/vnd.oci.image.layer.v1.tar+gzip');
  const config = put(Buffer.from(document([sha(tar)])), 'application/vnd.oci.image.config.v1+json');
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = put(Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [layer] })), mediaType);
  const annotations = { 'org.opencontainers.image.ref.name': 'latest' };
  writeFileSync(join(temporary, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }));
  writeFileSync(join(temporary, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  renameSync(temporary, path);
}
