/** A program that runs a container for ever and says so: to be interrupted or killed by the suite. `orphan ENGINE IMAGE SLEEP [SOCKET]`. */
import { openBuiltinEngine } from '../../src/engine/builtin.ts';
import { dockerEngine } from '../../src/engine/docker.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { podmanEngine } from '../../src/engine/podman.ts';
import { openOciEngine } from '../../src/engine/runc.ts';
import { openImage } from '../../src/image/sources/index.ts';
import { launchImage } from '../../src/launch/launch-image.ts';
import { launchSubject } from '../../src/launch/subject.ts';

const [kind = '', reference = '', seconds = '', socket] = process.argv.slice(2);

async function open(): Promise<Engine> {
  switch (kind) {
    case 'podman':
      return podmanEngine();
    case 'docker':
      return dockerEngine(socket === undefined ? {} : { socket });
    case 'builtin':
      return openBuiltinEngine();
    default:
      return openOciEngine(kind === 'crun' ? 'crun' : 'runc');
  }
}

const engine = await open();
const image = await openImage(reference);
const prepared = await engine.prepare(image);
const launch = launchImage({
  image: await launchSubject(image, { rootFs: true }),
  settings: {
    network: 'none',
    command: ['sleep', seconds],
    volumes: [
      { kind: 'named', source: 'v', target: '/v' },
      { kind: 'named', source: 'w', target: '/w', readOnly: true },
    ],
  },
  profile: engine.profile,
});
if (launch.kind !== 'launch') throw new Error(launch.message);
const container = await prepared.create(launch);
await container.start();
// A second one that is only created.
await prepared.create(launch);
process.stdout.write(`running ${container.pid}\n`);
await container.exited;
