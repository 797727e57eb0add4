// What watching costs: nginx from its first instruction to its open port, with strace and without, in turn, on one engine.
import { has, summary } from './measure.mjs';

/** Rows of the table. `all` is what bench/support.mjs bundles. */
export async function traceRows(all, rounds, skipped) {
  if (!has('strace')) {
    skipped.push('the price of watching: apt-get install -y strace');
    return [];
  }
  const { openImage, chooseEngine, detectEngines, launchImage, launchSubject, createStraceTracer, nginx } = all;
  const available = (await detectEngines()).filter((one) => one.available).map((one) => one.kind);
  const kind = ['runc', 'builtin'].find((one) => available.includes(one));
  if (kind === undefined) {
    skipped.push('the price of watching: apt-get install -y runc');
    return [];
  }
  const image = await openImage((await nginx()).reference);
  const engine = await chooseEngine(kind);
  try {
    const prepared = await engine.prepare(image);
    const subject = await launchSubject(image, { rootFs: true });
    const launch = launchImage({ image: subject, settings: { network: 'none' }, profile: engine.profile });
    if (launch.kind !== 'launch') throw new Error(launch.message);
    let events = 0;
    const start = async (traced) => {
      const container = await prepared.create(launch);
      try {
        const session = traced ? await createStraceTracer().attach(container, launch) : undefined;
        const begin = performance.now();
        await container.start();
        while (!(await container.listening()).some(({ port }) => port === 80)) {
          if (!container.running()) throw new Error(`nginx ended: ${container.log()}`);
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
        const time = performance.now() - begin;
        await container.stop();
        events = (await session?.finish())?.events.length ?? events;
        return time;
      } finally {
        await container.remove();
      }
    };
    await start(false);
    const plain = [];
    const traced = [];
    for (let i = 0; i < rounds; i++) {
      plain.push(await start(false));
      traced.push(await start(true));
    }
    const [a, b] = [summary(traced).median, summary(plain).median];
    const detail = `${a.toFixed(0)} ms, untraced ${b.toFixed(0)} ms, ${events} different operations`;
    return [{ what: `traced start of nginx to its open port against untraced, ${kind}`, value: a / b, unit: '×', detail }];
  } finally {
    await engine.close();
    await image.close();
  }
}
