import { expect, it } from 'vitest';
import type { Launch } from '../../launch/launch.ts';
import { hookCommands } from './hook-commands.ts';

const launch = (name: string): Pick<Launch, 'name' | 'settings'> => ({
  name,
  settings: {
    name,
    pod: {
      name: 'web',
      object: {
        spec: {
          initContainers: [{ name: 'first' }],
          containers: [
            {
              name: 'main',
              lifecycle: { postStart: { exec: { command: ['sh', '-c', 'touch /a'] } }, preStop: { httpGet: { port: 80 } } },
              livenessProbe: { exec: { command: ['cat', '/run/ok'] } },
              readinessProbe: { exec: { command: [] } },
            },
          ],
        },
      },
    },
  },
});

it('takes what the kubelet would execute in this container', () => {
  expect(hookCommands(launch('main'))).toEqual([
    { argv: ['sh', '-c', 'touch /a'], because: 'postStart' },
    { argv: ['cat', '/run/ok'], because: 'livenessProbe' },
  ]);
  expect(hookCommands(launch('first'))).toEqual([]);
  expect(hookCommands(launch('other'))).toEqual([]);
});
