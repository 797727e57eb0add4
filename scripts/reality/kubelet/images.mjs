// Makes the images of test/reality/kubelet/images.json as OCI archives: files as listed, `/show` and `/pause` compiled, nothing else in them.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, lchownSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The image of the container that holds a pod's namespaces. */
export const PAUSE = 'localhost/unroot/pause:1';

/** Compiles the two programs; answers `{ show, pause }`, their paths. */
export function compile(sources, into) {
  const built = {};
  for (const name of ['show', 'pause']) {
    built[name] = join(into, name);
    execFileSync('gcc', ['-static', '-O1', '-Wall', '-o', built[name], join(sources, `${name}.c`)], { stdio: 'inherit' });
  }
  return built;
}

/** Writes one OCI archive with every image; answers its path. */
export function archive({ images, programs, work }) {
  const layout = join(work, 'layout');
  mkdirSync(join(layout, 'blobs', 'sha256'), { recursive: true });
  const all = { ...images, [PAUSE]: { config: { entrypoint: ['/pause'] }, files: { '/pause': { type: 'file', mode: '0755' } } } };
  const manifests = Object.entries(all).map(([name, image]) => {
    const layer = layerOf(image.files, programs, join(work, 'rootfs'));
    const { user, env, entrypoint, cmd, workingDir, volumes } = image.config;
    const config = {
      architecture: 'amd64',
      os: 'linux',
      config: {
        ...(user ? { User: user } : {}),
        ...(env?.length ? { Env: env } : {}),
        ...(entrypoint?.length ? { Entrypoint: entrypoint } : {}),
        ...(cmd?.length ? { Cmd: cmd } : {}),
        ...(workingDir ? { WorkingDir: workingDir } : {}),
        ...(volumes?.length ? { Volumes: Object.fromEntries(volumes.map((path) => [path, {}])) } : {}),
      },
      rootfs: { type: 'layers', diff_ids: [digest(layer)] },
    };
    const manifest = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: blob(layout, JSON.stringify(config), 'application/vnd.oci.image.config.v1+json'),
      layers: [blob(layout, layer, 'application/vnd.oci.image.layer.v1.tar')],
    };
    return {
      ...blob(layout, JSON.stringify(manifest), manifest.mediaType),
      annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name },
      platform: { os: 'linux', architecture: 'amd64' },
    };
  });
  writeFileSync(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  writeFileSync(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  const file = join(work, 'images.tar');
  execFileSync('tar', ['-C', layout, '-cf', file, '.']);
  return file;
}

function layerOf(files, programs, rootfs) {
  rmSync(rootfs, { recursive: true, force: true });
  mkdirSync(rootfs);
  place(rootfs, files, programs);
  const tar = [
    '-C',
    rootfs,
    '--sort=name',
    '--numeric-owner',
    '--mtime=@0',
    '--xattrs',
    '--xattrs-include=security.*',
    '-cf',
    '-',
    '.',
  ];
  return execFileSync('tar', tar, { maxBuffer: 1 << 28 });
}

/** Puts files as images.json spells them below a folder: first all, then their owners and modes, deepest first. */
export function place(root, files, programs) {
  const entries = Object.entries(files).map(([path, entry]) => [join(root, path), path, entry]);
  for (const [at, path, entry] of entries) {
    mkdirSync(dirname(at), { recursive: true });
    if (entry.target !== undefined) symlinkSync(entry.target, at);
    else if (entry.content !== undefined) writeFileSync(at, entry.content);
    else if (entry.type === 'file') writeFileSync(at, readFileSync(programs[path.split('/').at(-1)] ?? programs.show));
    else mkdirSync(at, { recursive: true });
  }
  for (const [at, , entry] of entries.sort(([one], [other]) => other.length - one.length)) {
    lchownSync(at, entry.uid ?? 0, entry.gid ?? 0);
    if (entry.target !== undefined) continue;
    const usual = statSync(at).isDirectory() ? '0755' : '0644';
    chmodSync(at, Number.parseInt(entry.mode ?? usual, 8));
    const capabilities = entry.fileCapabilities;
    if (capabilities !== undefined) execFileSync('setcap', [`${capabilities.permitted.join(',').toLowerCase()}=ep`, at]);
  }
}

const digest = (content) => `sha256:${createHash('sha256').update(content).digest('hex')}`;

function blob(layout, content, mediaType) {
  const name = digest(content);
  writeFileSync(join(layout, 'blobs', 'sha256', name.slice('sha256:'.length)), content);
  return { mediaType, digest: name, size: Buffer.byteLength(content) };
}
