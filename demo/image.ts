/** Builds the image of the demo from what a machine with Node has: its node binary, the libraries ldd names, and server.mjs. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { concat, type TarWriteEntry, writeTar } from '../src/image/tar-writer.ts';

const OCI = 'application/vnd.oci.image';
const ROOT = { uid: 0, gid: 0 } as const;

const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const folder = (name: string, mode = 0o755): TarWriteEntry => ({ name, type: 'directory', mode, ...ROOT });
const file = (name: string, content: Uint8Array, mode = 0o644): TarWriteEntry => ({ name, type: 'file', mode, content, ...ROOT });

/** Shared libraries as absolute paths, the dynamic loader included; none for a static binary. */
function libraries(binary: string): readonly string[] {
  try {
    const said = execFileSync('ldd', [binary], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return [...new Set([...said.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] as string))];
  } catch {
    return []; // "not a dynamic executable"
  }
}

/** Every folder above these paths, outermost first. */
function parents(paths: readonly string[]): readonly string[] {
  const found = new Set<string>();
  for (const path of paths) for (let at = dirname(path); at !== '/' && at !== '.'; at = dirname(at)) found.add(at.slice(1));
  return [...found].sort();
}

function nodeLayer(): Uint8Array {
  const libs = libraries(process.execPath);
  const named = ['/usr/local/bin/node', '/etc/passwd', ...libs];
  return concat([
    ...writeTar([
      ...parents(named).map((name) => folder(name)),
      folder('run'),
      folder('host'),
      folder('tmp', 0o1777),
      file('etc/passwd', text('root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n')),
      file('etc/group', text('root:x:0:\nnogroup:x:65534:\n')),
      ...libs.map((path) => file(path.slice(1), readFileSync(path), 0o755)),
      file('usr/local/bin/node', readFileSync(process.execPath), 0o755),
    ]),
  ]);
}

/** Writes the image as an OCI layout with the tag `latest`, layers uncompressed so that it takes no time. */
export function buildDemoImage(directory: string, serverFile: string): void {
  const blobs = join(directory, 'blobs/sha256');
  mkdirSync(blobs, { recursive: true });
  const put = (bytes: Uint8Array): { readonly digest: string; readonly size: number } => {
    const hex = createHash('sha256').update(bytes).digest('hex');
    if (!existsSync(join(blobs, hex))) writeFileSync(join(blobs, hex), bytes);
    return { digest: `sha256:${hex}`, size: bytes.length };
  };
  const json = (value: unknown): Uint8Array => text(JSON.stringify(value));
  const layers = [nodeLayer(), concat([...writeTar([file('server.mjs', readFileSync(serverFile))])])].map(put);
  const config = put(
    json({
      created: '2020-02-22T00:00:00Z',
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: {
        Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
        Entrypoint: ['node', '/server.mjs'],
        ExposedPorts: { '80/tcp': {} },
      },
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.digest) },
      history: [{ created_by: 'node and its libraries' }, { created_by: 'COPY server.mjs /' }],
    }),
  );
  const manifest = put(
    json({
      schemaVersion: 2,
      mediaType: `${OCI}.manifest.v1+json`,
      config: { mediaType: `${OCI}.config.v1+json`, ...config },
      layers: layers.map((layer) => ({ mediaType: `${OCI}.layer.v1.tar`, ...layer })),
    }),
  );
  const named = {
    mediaType: `${OCI}.manifest.v1+json`,
    ...manifest,
    annotations: { 'org.opencontainers.image.ref.name': 'latest' },
  };
  writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [named] }));
}
