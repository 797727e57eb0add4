import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LayerItem, writeLayout } from '../../test/support/image-builder.ts';
import type { Image } from '../image/image.ts';
import { openImage } from '../image/sources/index.ts';
import type { Launch } from '../launch/launch.ts';
import { launchImage } from '../launch/launch-image.ts';
import { launchSubject } from '../launch/subject.ts';
import { profile } from '../platform/profiles.ts';
import type { ContainerSettings } from '../workload/container.ts';
import { detectBuiltin, openBuiltinEngine } from './builtin.ts';
import { findProgram, libraries, parseLdd } from './builtin-tools.ts';
import type { Engine, PreparedImage } from './engine.ts';
import { inheritedDescriptors, withoutInherited } from './inherited.ts';

const status = await detectBuiltin();
const hasCompiler = spawnSync('gcc', ['--version']).status === 0;
if (!status.available) console.warn(`SKIPPED: built-in engine: ${status.reason} ${status.install ?? ''}`);
if (!hasCompiler) console.warn('SKIPPED: a hostile library: apt-get install -y gcc libc6-dev');

/** Says who it is to /seen in the root it finds itself in, from a constructor: the way an /etc/ld.so.preload or a name service would attack. */
const EVIL = `#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>
__attribute__((constructor)) static void seen(void) {
  char line[256]; FILE *status = fopen("/proc/self/status", "r"); FILE *out = fopen("/seen", "a");
  if (!out) return;
  if (!status) fprintf(out, "no /proc uid %d\\n", getuid());
  else while (fgets(line, sizeof line, status)) if (!strncmp(line, "Uid", 3) || !strncmp(line, "CapEff", 6)) fputs(line, out);
  fclose(out); if (status) fclose(status);
}
`;

describe('tools for the inside', () => {
  it('reads ldd of glibc and of musl', () => {
    expect(
      parseLdd(
        '\tlinux-vdso.so.1 (0x00007f)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)\n\t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n',
      ),
    ).toEqual({
      loader: '/lib64/ld-linux-x86-64.so.2',
      shared: [{ soname: 'libc.so.6', path: '/lib/x86_64-linux-gnu/libc.so.6' }],
    });
    expect(parseLdd('\t/lib/ld-musl-x86_64.so.1 (0x7f)\n\tlibc.musl-x86_64.so.1 => /lib/ld-musl-x86_64.so.1 (0x7f)\n')).toEqual({
      loader: '/lib/ld-musl-x86_64.so.1',
      shared: [{ soname: 'libc.musl-x86_64.so.1', path: '/lib/ld-musl-x86_64.so.1' }],
    });
    expect(parseLdd('\tstatically linked\n')).toEqual({ loader: undefined, shared: [] });
    const env = libraries(findProgram('env')!);
    for (const { path } of env.shared) expect(existsSync(path)).toBe(true);
  });

  it('passes on no descriptor that it was born with', () => {
    const program = `const { spawnSync } = require('node:child_process');
      console.log(spawnSync('bash', ['-c', 'ls /proc/self/fd']).stdout.toString());`;
    const plain = execFileSync('bash', ['-c', 'exec 200</etc/hostname; exec "$@"', 'x', process.execPath, '-e', program], {
      encoding: 'utf8',
    });
    // The trouble is real: node passes descriptor 200 on.
    expect(plain.split('\n')).toContain('200');
    expect(inheritedDescriptors().filter((fd) => fd <= 2)).toEqual([]);
    const mine = openSync('/etc/hostname', 'r');
    expect(inheritedDescriptors()).not.toContain(mine);
    closeSync(mine);
    const [file = '', ...args] = withoutInherited(['bash', '-c', 'ls /proc/self/fd']);
    const listed = execFileSync(file, args, { encoding: 'utf8' }).split('\n').filter(Boolean);
    expect(listed).toEqual(['0', '1', '2', '3']);
  });
});

describe.skipIf(!status.available)('built-in engine', () => {
  let folder: string;
  let image: Image;
  let engine: Engine;
  let prepared: PreparedImage;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'builtin-test-'));
    // Programs of this machine with their libraries, where their loader looks for them.
    const files = new Map<string, string>();
    for (const name of ['sh', 'cat', 'ls', 'sleep', 'readlink', 'id', 'chmod']) {
      const from = findProgram(name)!;
      files.set(`/bin/${name}`, from);
      const { loader, shared } = libraries(from);
      if (loader) files.set(loader, loader);
      for (const { path } of shared) files.set(path, path);
    }
    const items: LayerItem[] = [...files].map(([path, from]) => ({ path, content: readFileSync(from), mode: 0o755 }));
    if (hasCompiler) {
      writeFileSync(join(folder, 'evil.c'), EVIL);
      execFileSync('gcc', ['-shared', '-fPIC', '-o', join(folder, 'evil.so'), join(folder, 'evil.c')]);
      const content = readFileSync(join(folder, 'evil.so'));
      items.push({ path: '/evil.so', content, mode: 0o755 }, { path: '/etc/ld.so.preload', content: '/evil.so\n' });
      for (const place of ['/lib/x86_64-linux-gnu', '/usr/lib', '/lib'])
        items.push({ path: `${place}/libnss_evil.so.2`, content, mode: 0o755 });
    }
    items.push(
      { path: '/etc/nsswitch.conf', content: 'passwd: evil files\ngroup: evil files\n' },
      // Names that look like ids must not be taken for them.
      { path: '/etc/passwd', content: 'root:x:0:0::/:/bin/sh\n10001:x:0:0::/:/bin/sh\n+10001:x:0:0::/:/bin/sh\n' },
      { path: '/seen', content: '', mode: 0o666 },
      { path: '/noshebang', content: 'echo hello\n', mode: 0o755 },
      { path: '/srv', mode: 0o755 },
    );
    image = await openImage(
      `oci:${writeLayout(join(folder, 'image'), { layers: [items], config: { Env: ['PATH=/bin'] } })}:latest`,
    );
    engine = await openBuiltinEngine();
    prepared = await engine.prepare(image);
  });
  afterAll(async () => {
    await engine.close();
    await image.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function launchOf(settings: ContainerSettings): Promise<Launch> {
    const found = launchImage({
      image: await launchSubject(image, { rootFs: true }),
      settings: { network: 'none', ...settings },
      profile: profile('docker'),
    });
    if (found.kind !== 'launch') throw new Error(found.message);
    return found;
  }

  async function run(settings: ContainerSettings): Promise<string> {
    const container = await prepared.create(await launchOf(settings));
    try {
      await container.start();
      const { code } = await container.exited;
      return `${container.log()}exit ${code}\n`;
    } finally {
      await container.remove();
    }
  }

  it.skipIf(!hasCompiler)('never runs a file of the image with more than its user has', async () => {
    const container = await prepared.create(
      await launchOf({ user: '10001:10001', capDrop: ['ALL'], command: ['sleep', '8639955'] }),
    );
    await container.start();
    const said = await container.exec(['cat', '/seen']);
    const uids = [...said.stdout.matchAll(/^Uid:\s+(.*)$/gm)].map(([, ids]) => ids);
    // It did run, in env and in the program itself, and in setpriv's last step of the exec; always as the user.
    expect(uids.length).toBeGreaterThanOrEqual(4);
    expect(new Set(uids)).toEqual(new Set(['10001\t10001\t10001\t10001']));
    expect(said.stdout).not.toContain('no /proc');
    // The last step of exec holds these two and drops them: CAP_SETPCAP (8) and CAP_SYS_CHROOT (18), which Docker gives to all.
    const effective = new Set([...said.stdout.matchAll(/^CapEff:\s+(\w+)$/gm)].map(([, mask]) => BigInt(`0x${mask}`)));
    for (const mask of effective) expect(mask & ~((1n << 8n) | (1n << 18n))).toBe(0n);
    const inside = await container.exec(['cat', '/proc/self/status']);
    expect(inside.stdout).toMatch(/^CapEff:\s+0000000000000000$/m);
    expect(inside.stdout).toMatch(/^CapBnd:\s+0000000000000000$/m);
    expect(inside.stdout).toMatch(/^CapInh:\s+0000000000000000$/m);
    await container.remove();
  });

  it('takes ids for ids, whatever names the image knows', async () => {
    const text = await run({ user: '10001:10001', groupAdd: ['77'], command: ['cat', '/proc/self/status'] });
    expect(text).toMatch(/^Uid:\s+10001\t10001\t10001\t10001$/m);
    expect(text).toMatch(/^Groups:\s+77 10001\s*$/m);
  });

  it('shows nothing of the host', async () => {
    const marker = join(folder, 'marker-of-the-host');
    writeFileSync(marker, '');
    const script = [
      `ls -d ${marker} ${process.cwd()} /proc/1/cwd${marker} /proc/self/cwd/../../../../../..${marker}`,
      'cat /proc/self/mountinfo',
      'ls -l /proc/self/fd /proc/1/fd',
      'readlink /proc/1/root /proc/1/cwd',
      'ls /dev',
      'cat /dev/null && echo out >/dev/stdout && echo err >/dev/stderr',
      'sleep 0',
    ].join('\n');
    for (const user of ['0', '10001']) {
      const text = await run({ user, command: ['sh', '-c', script] });
      expect(text).toContain('exit 0');
      expect(text.match(/No such file or directory/g)).toHaveLength(4);
      const points = [...text.matchAll(/^\d+ \d+ \d+:\d+ \S+ (\S+) .* - (\S+)/gm)].map(([, point, type]) => `${point} ${type}`);
      // Every mount is one of ours: the root once, nothing of the host's disk but the three small files.
      expect(points.filter((point) => point.startsWith('/ '))).toHaveLength(1);
      const disk = points
        .filter((point) => !/^\/ | (proc|sysfs|tmpfs|devpts|mqueue)$/.test(point))
        .map((point) => point.split(' ')[0]);
      expect(disk.sort()).toEqual(['/etc/hostname', '/etc/hosts', '/etc/resolv.conf']);
      const descriptors = [...text.matchAll(/ (\d+) -> (\S+)/g)].map(([, fd, to]) => `${fd} ${to}`);
      expect(descriptors.filter((each) => !/^[012] |^\d+ \/proc\/\d+\/fd$/.test(each))).toEqual([]);
      expect(text).toContain('\n/\n/\n');
      expect(text).toContain('out\n');
      expect(text).toContain('err\n');
    }
  });

  it('refuses what execve refuses, in the words of a runtime', async () => {
    const words = async (settings: ContainerSettings): Promise<string> => {
      const launch = {
        ...(await launchOf({ command: ['sh'] })),
        argv: settings.command ?? [],
        ...(settings.workdir ? { cwd: settings.workdir } : {}),
        uid: 10001,
      };
      const { executable: _executable, ...rest } = launch;
      const container = await prepared.create({
        ...rest,
        ...(settings.command?.[0] === '/noshebang' ? { executable: '/noshebang' } : {}),
      });
      const error = await container.start().then(
        () => undefined,
        (reason: unknown) => reason as { code: string; message: string },
      );
      await container.remove();
      expect(error?.code).toBe('engine.start-refused');
      return error?.message ?? '';
    };
    expect(await words({ command: ['none'] })).toBe('exec: "none": executable file not found in $PATH');
    expect(await words({ command: ['/none'] })).toBe('exec: "/none": stat /none: no such file or directory');
    expect(await words({ command: ['/etc'] })).toBe('exec: "/etc": permission denied');
    expect(await words({ command: ['/noshebang'] })).toBe('exec /noshebang: exec format error');
  });

  it("refuses sysctls that are the whole machine's, and changes nothing", async () => {
    const before = readFileSync('/proc/sys/vm/swappiness', 'utf8');
    const launch = await launchOf({ command: ['sleep', '0'] });
    await expect(prepared.create({ ...launch, sysctls: { 'vm.swappiness': '1' } })).rejects.toMatchObject({
      message: 'sysctl "vm.swappiness" is not in a separate kernel namespace',
    });
    expect(readFileSync('/proc/sys/vm/swappiness', 'utf8')).toBe(before);
  });

  it('brings the loopback up without any program for it', async () => {
    const container = await prepared.create(await launchOf({ command: ['sleep', '8639956'] }));
    await container.start();
    const probe = `require('net').createServer((s) => s.end('up')).listen(80, '127.0.0.1', () => require('net').connect(80, '127.0.0.1').on('data', (d) => { console.log(String(d)); process.exit(0); }))`;
    expect(await container.inNetwork([process.execPath, '-e', probe])).toMatchObject({ code: 0, stdout: 'up\n' });
    const hosts = await container.exec(['cat', '/etc/hosts']);
    expect(hosts.stdout).toContain('127.0.0.1\tlocalhost');
    expect(statSync(`/proc/${container.pid}/root/etc/hosts`).uid).toBe(0);
    await container.remove();
  });
});
