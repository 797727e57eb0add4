// The files that are measured: a Debian root of about 190 MB as a plain and a gzip image, and one of 1 GB. Made once, kept in UNROOT_BENCH_DIR.
import { execFileSync } from 'node:child_process';
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
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const benchDir = process.env.UNROOT_BENCH_DIR ?? join(tmpdir(), 'unroot-bench');

const PACKAGES = 'nginx-light,redis-server,curl,ca-certificates';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

/** Needs mmdebstrap and pigz. `root.tar` is the layer; the others are images of it. */
export function fixtures() {
  mkdirSync(benchDir, { recursive: true });
  const at = (name, make) => {
    const path = join(benchDir, name);
    if (!existsSync(path)) make(path);
    return path;
  };
  const tar = at('root.tar', (path) => {
    console.error('building the image (about 30 s, once)');
    const growing = join(benchDir, 'growing.tar');
    execFileSync('mmdebstrap', ['--variant=minbase', `--include=${PACKAGES}`, 'bookworm', growing], { stdio: 'ignore' });
    renameSync(growing, path);
  });
  const gz = at('root.tar.gz', (path) => pigz(tar, path));
  const plain = at('image.tar', (path) => writeArchive(path, [tar]));
  return {
    tar,
    gz,
    plain,
    plainGz: at('image.tar.gz', (path) => pigz(plain, path)),
    big: at('image-1gb.tar', (path) => writeArchive(path, [tar, tar, tar, tar, tar])),
    layout: at('image-layout', (path) => writeLayout(path, tar, gz)),
    bytes: statSync(tar).size,
  };
}

const sha = (path) => `sha256:${execFileSync('sha256sum', [path]).toString().slice(0, 64)}`;
const hexOf = (bytes) => createHash('sha256').update(bytes).digest('hex');

function pigz(from, to) {
  execFileSync('sh', ['-c', 'pigz -c "$0" > "$1.new" && mv "$1.new" "$1"', from, to]);
}

function configOf(diffIds) {
  return Buffer.from(
    JSON.stringify({
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: { Entrypoint: ['/usr/sbin/nginx', '-g', 'daemon off;'] },
      rootfs: { type: 'layers', diff_ids: diffIds },
      history: diffIds.map(() => ({ created_by: 'mmdebstrap' })),
    }),
  );
}

/** As `docker save` writes it. */
function writeArchive(path, layers) {
  const id = sha(layers[0]);
  const config = configOf(layers.map(() => id));
  const name = `${hexOf(config)}.json`;
  const names = layers.map((_, i) => `${i}/layer.tar`);
  const fd = openSync(`${path}.new`, 'w');
  const member = (title, bytes) => {
    const header = Buffer.alloc(512);
    header.write(title, 0);
    header.write('0000644\0' + '0000000\0' + '0000000\0', 100);
    header.write(`${bytes.length.toString(8).padStart(11, '0')}\0` + '00000000000\0' + '        0', 124);
    header.write('ustar\0' + '00', 257);
    const sum = header.reduce((a, b) => a + b, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    for (const part of [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]) writeSync(fd, part);
  };
  layers.forEach((file, i) => {
    member(names[i], readFileSync(file));
  });
  member(name, config);
  member('manifest.json', Buffer.from(JSON.stringify([{ Config: name, RepoTags: ['bench:latest'], Layers: names }])));
  writeSync(fd, Buffer.alloc(1024));
  closeSync(fd);
  renameSync(`${path}.new`, path);
}

function writeLayout(path, tar, gz) {
  const temporary = `${path}.new`;
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(join(temporary, 'blobs/sha256'), { recursive: true });
  const put = (bytes, mediaType) => {
    writeFileSync(join(temporary, 'blobs/sha256', hexOf(bytes)), bytes);
    return { mediaType, digest: `sha256:${hexOf(bytes)}`, size: bytes.length };
  };
  const layer = put(readFileSync(gz), 'application/vnd.oci.image.layer.v1.tar+gzip');
  const config = put(configOf([sha(tar)]), 'application/vnd.oci.image.config.v1+json');
  const manifest = put(Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers: [layer] })), MANIFEST);
  const annotations = { 'org.opencontainers.image.ref.name': 'latest' };
  writeFileSync(join(temporary, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }));
  writeFileSync(join(temporary, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  renameSync(temporary, path);
}
