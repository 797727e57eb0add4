/** What a service says of its life among the others. */
import { describe, expect, it } from 'vitest';
import { sourceFile } from '../../../text/source-file.ts';
import { durationOf } from './dependencies.ts';
import { readComposeProject } from './read.ts';
import type { ComposeService } from './service.ts';

function service(lines: string, environment: Record<string, string> = {}, more = ''): ComposeService {
  const text = `services:\n  web:\n    image: x\n${lines.replace(/^(?=.)/gm, '    ')}\n${more}`;
  const project = readComposeProject([sourceFile('compose.yaml', text)], {
    read: () => ({ missing: 'no such file', absent: true }),
    absolute: (path) => `/p/${path}`,
    environment,
  });
  expect(project.problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  return project.workloads[0]!.service;
}

describe('a service among others', () => {
  it.each([
    ['', 'no'],
    ['restart: "no"', 'no'],
    ['restart: always', 'always'],
    ['restart: unless-stopped', 'always'],
    ['restart: on-failure:3', 'on-failure'],
    ['deploy: {restart_policy: {condition: any}}', 'always'],
    ['deploy: {restart_policy: {condition: none}}', 'no'],
  ])('%s is started again: %s', (lines, restart) => expect(service(lines).surroundings.restart).toBe(restart));

  it('has names, and knows others', () => {
    const { names, links, hosts } = service(
      'container_name: front\nnetworks: {default: {aliases: [a, b]}}\nlinks: ["db:store", "cache"]\nextra_hosts: ["x:10.0.0.1", "y=10.0.0.2", "out:host-gateway"]',
      {},
      '  db: {image: x}\n  cache: {image: x}\n',
    ).surroundings;
    expect(names).toEqual(['front', 'a', 'b']);
    expect(links).toEqual([
      { service: 'db', name: 'store' },
      { service: 'cache', name: 'cache' },
    ]);
    expect(hosts).toEqual(['10.0.0.1\tx', '10.0.0.2\ty']);
  });

  it('gets files that stand in the project or in variables', () => {
    const { files } = service(
      'secrets: [token, {source: token, target: /etc/t, mode: "0400"}, gone]\nconfigs: [text]',
      { TOKEN: 'abc' },
      'secrets: {token: {environment: TOKEN}, gone: {environment: GONE}}\nconfigs: {text: {content: "some $$words"}}\n',
    ).surroundings;
    expect(files).toEqual([
      { target: '/text', content: 'some $words', mode: 0o444 },
      { target: '/run/secrets/token', content: 'abc', mode: 0o444, secret: true },
      { target: '/etc/t', content: 'abc', mode: 0o400, secret: true },
      { target: '/run/secrets/gone', content: undefined, mode: 0o444, secret: true },
    ]);
  });

  it('is asked how it is, as often and as long as it says', () => {
    const { healthcheck } = service(
      'healthcheck: {test: ["CMD", "true"], interval: 1m30s, timeout: 500ms, retries: 5, start_period: 1h}',
    );
    expect(healthcheck).toEqual({
      disabled: false,
      test: ['true'],
      interval: 90_000,
      timeout: 500,
      startPeriod: 3_600_000,
      retries: 5,
    });
    expect([durationOf('1.5s'), durationOf('10'), durationOf('x'), durationOf(undefined)]).toEqual([
      1500,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('is left out when nobody asks for its profile', () => {
    const inactive = (profiles: string): true | undefined => service('profiles: [a, b]', { COMPOSE_PROFILES: profiles }).inactive;
    expect([inactive(''), inactive('c'), inactive('c,b'), inactive('*')]).toEqual([true, true, undefined, undefined]);
    expect(service('').inactive).toBeUndefined();
  });
});
