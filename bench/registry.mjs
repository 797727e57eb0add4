// What `unroot who` fetches of an image in a registry on loopback, counted on the wire: everything the registry sends goes through a relay.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { summary } from './measure.mjs';

/** Rows of the table. `all` is the support bundle. */
export async function registryRows(all, cli, rounds, skipped) {
  const missing = all.whyNoDebianRegistry();
  if (missing !== undefined) {
    skipped.push(`the registry: ${missing}`);
    return [];
  }
  const folder = mkdtempSync(join(tmpdir(), 'unroot-bench-registry-'));
  const registry = await all.debianRegistry();
  const relay = await countingRelay(Number(registry.host.split(':')[1]));
  try {
    const { reference: target } = await all.nginx();
    registry.push(target, 'nginx:latest');
    const image = await all.openImage(target);
    const size = image.layers.reduce((sum, layer) => sum + layer.size, 0);
    await image.close();
    const measure = async (flags, home) => {
      const [times, bytes] = [[], []];
      for (let round = 0; round <= rounds; round++) {
        const before = relay.sent();
        const ms = await who(
          cli,
          [`docker://127.0.0.1:${relay.port}/nginx`, ...flags],
          home ?? join(folder, `home-${times.length}-${round}`),
        );
        if (round === 0) continue; // warms up
        times.push(ms);
        bytes.push(relay.sent() - before);
      }
      return { ms: summary(times).median, bytes: summary(bytes).median };
    };
    const first = await measure([]);
    const kept = join(folder, 'kept');
    const again = await measure([], kept);
    const offline = await measure(['--offline'], kept);
    const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
    return [
      {
        what: '`unroot who docker://…/nginx`, bytes fetched',
        value: (first.bytes / size) * 100,
        unit: '%',
        goal: 10,
        detail: `${mib(first.bytes)} of ${mib(size)}, ${first.ms.toFixed(0)} ms`,
      },
      { what: 'the same once more', value: again.bytes / 1024, unit: 'KiB', goal: 16, detail: `${again.ms.toFixed(0)} ms` },
      { what: 'the same with `--offline`', value: offline.bytes, unit: 'bytes', goal: 0, detail: `${offline.ms.toFixed(0)} ms` },
    ];
  } finally {
    await relay.close();
    await registry.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Milliseconds of one `unroot who` with nothing kept but what lies in `home`. */
function who(cli, args, home) {
  const { UNROOT_OFFLINE: _, XDG_CACHE_HOME: __, ...env } = process.env;
  const start = process.hrtime.bigint();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [cli, 'who', ...args], {
      env: { ...env, HOME: home },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk) => {
      said += chunk;
    });
    child.on('close', (code) =>
      code === 0 ? resolve(Number(process.hrtime.bigint() - start) / 1e6) : reject(new Error(`who ended with ${code}: ${said}`)),
    );
  });
}

/** Passes connections on to a port and counts what comes back. */
async function countingRelay(port) {
  let sent = 0;
  const sockets = new Set();
  const server = createServer((client) => {
    const target = connect(port, '127.0.0.1');
    for (const [end, other] of [
      [client, target],
      [target, client],
    ]) {
      sockets.add(end);
      end
        .on('error', () => undefined)
        .on('close', () => {
          sockets.delete(end);
          other.destroy();
        });
    }
    client.pipe(target);
    target.on('data', (chunk) => {
      sent += chunk.length;
    });
    target.pipe(client);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: server.address().port,
    sent: () => sent,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
