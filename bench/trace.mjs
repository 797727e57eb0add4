// Measures what watching costs: nginx from start to listening port, traced with strace against untraced, in one run on one engine.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const rounds = Number(process.argv[2] ?? 5);
const kind = process.argv[3] ?? 'runc';
if (spawnSync('strace', ['-V']).status !== 0) {
  console.error('SKIPPED: the trace bench needs strace (apt-get install -y strace)');
  process.exit(0);
}

const bundle = mkdtempSync(join(tmpdir(), 'unroot-trace-bench-'));
try {
  const entry = join(bundle, 'entry.ts');
  const modules = [
    'src/image/sources/index',
    'src/engine/detect',
    'src/launch/launch-image',
    'src/launch/subject',
    'src/trace/tracers/strace',
    'src/trace/denials',
    'src/trace/listening-ports',
    'test/support/images',
  ];
  writeFileSync(entry, modules.map((name) => `export * from '${join(root, name)}.ts';`).join('\n'));
  const build = await rolldown({ input: { all: entry }, platform: 'node', cwd: root });
  await build.write({ dir: bundle, format: 'esm', entryFileNames: '[name].mjs', chunkFileNames: '[name]-[hash].mjs' });
  await build.close();
  const all = await import(join(bundle, 'all.mjs'));
  const why = all.whyNoDebianImages();
  if (why !== undefined) {
    console.error(`SKIPPED: the trace bench builds an nginx image: ${why}`);
    process.exit(0);
  }
  await bench(all);
} finally {
  rmSync(bundle, { recursive: true, force: true });
}

async function bench({ openImage, chooseEngine, launchImage, launchSubject, createStraceTracer, nginx, listeningPorts }) {
  const { reference } = await nginx();
  const image = await openImage(reference);
  const engine = await chooseEngine(kind);
  try {
    const prepared = await engine.prepare(image);
    const launch = launchImage({
      image: await launchSubject(image, { rootFs: true }),
      settings: { network: 'none' },
      profile: engine.profile,
    });
    if (launch.kind !== 'launch') throw new Error(launch.message);
    let last;
    const run = async (traced) => {
      const container = await prepared.create(launch);
      try {
        const session = traced ? await createStraceTracer().attach(container, launch) : undefined;
        const start = performance.now();
        await container.start();
        while (!(await container.listening()).some(({ port }) => port === 80)) {
          if (!container.running()) throw new Error(`nginx ended: ${container.log()}`);
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
        const time = performance.now() - start;
        await container.stop();
        last = (await session?.finish()) ?? last;
        return time;
      } finally {
        await container.remove();
      }
    };
    await run(false);
    const times = { plain: [], traced: [] };
    // Alternating, so that a slow moment of the machine hits both.
    for (let i = 0; i < rounds; i++) {
      times.plain.push(await run(false));
      times.traced.push(await run(true));
    }
    const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
    const plain = median(times.plain);
    const traced = median(times.traced);
    console.log(
      `nginx under ${kind}, start to listening, median of ${rounds}: untraced ${plain.toFixed(0)} ms, traced ${traced.toFixed(0)} ms, ratio ${(traced / plain).toFixed(2)}`,
    );
    console.log(
      `the trace: ${last.events.length} different operations, ${last.processes.length} processes, ports ${listeningPorts(last)
        .map(({ port }) => port)
        .join(' ')}`,
    );
    if (process.env.UNROOT_BENCH_SHOW) for (const event of last.events) console.log(JSON.stringify({ ...event, raw: undefined }));
  } finally {
    await engine.close();
    await image.close();
  }
}
