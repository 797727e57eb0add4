/** Formats on one report: what reaches a terminal, a pull request, another program. */
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { CheckReport, WhoReport } from '../report.ts';
import { FORMATS, type Format, render } from './index.ts';

const none = { bounding: [], permitted: [], effective: [], inheritable: [], ambient: [] };

const who: WhoReport = {
  schemaVersion: 1,
  kind: 'who',
  containers: [
    {
      name: 'web',
      image: 'oci:web',
      platform: 'docker',
      outcome: 'starts',
      uid: 0,
      gid: 0,
      groups: [],
      userName: 'ro\u001b[2Jot',
      hostUid: 0,
      home: '/root',
      isRoot: true,
      noNewPrivileges: false,
      capabilities: { ...none, effective: ['CAP_CHOWN'], permitted: ['CAP_CHOWN'], bounding: ['CAP_CHOWN'] },
      argv: ['nginx', '-g', 'daemon off;'],
      cwd: '/',
      because: [
        {
          field: 'uid',
          value: '0',
          source: 'the image sets no USER, so the process starts as root, as every runtime does by default',
          where: { layer: 2 },
        },
      ],
    },
    {
      name: 'app',
      image: 'oci:app',
      platform: 'docker',
      outcome: 'refused',
      refusedBy: 'runtime',
      reason: 'create',
      message: 'no <b>user</b> | @app',
      because: [],
    },
  ],
};

const check: CheckReport = {
  schemaVersion: 1,
  kind: 'check',
  target: 'oci:web',
  platform: 'docker',
  user: '10001:10001',
  traced: true,
  findings: [
    { id: 'home-not-writable', severity: 'warning', confidence: 'low', message: 'HOME is /', where: {}, evidence: [], fixes: [] },
    {
      id: 'path-not-writable',
      severity: 'error',
      confidence: 'high',
      message: 'nginx makes directory /var/cache/nginx/client_temp; uid 10001 gets EACCES',
      where: { path: '/var/cache/nginx', layer: 1 },
      evidence: [{ kind: 'observed', text: 'mkdir("/var/cache/nginx/client_temp", 0700) = 0', count: 2 }],
      fixes: ['own-path'],
    },
  ],
  diagnostics: [],
  unknown: ['what a reload does'],
};

const page = (format: Format, report: WhoReport | CheckReport = who, color = false): Promise<string> =>
  render(report, format, { color, width: 80, verbose: false });

describe('table', () => {
  it('stays within 80 columns and prints no control characters', async () => {
    for (const report of [who, check, { ...who, containers: who.containers.slice(0, 1) }]) {
      const text = await page('table', report);
      expect(Math.max(...text.split('\n').map((line) => [...line].length))).toBeLessThanOrEqual(80);
      expect(text).not.toContain('\u001b');
      expect(text).not.toMatch(/ $/m);
    }
    expect(await page('table')).toContain('ro\\x1b[2Jot');
  });

  it('colours root red and only when asked', async () => {
    expect(await page('table', who, true)).toContain('\u001b[31muid 0');
  });

  it('puts errors first, evidence under them, and what is unknown last', async () => {
    const text = await page('table', check);
    const places = [
      '1 error, 1 warning',
      'error nginx makes',
      'observed: mkdir',
      '(2 times)',
      'fix: own-path',
      'warning HOME',
      'note what a reload does',
    ];
    const found = places.map((place) => text.indexOf(place));
    expect(found).not.toContain(-1);
    expect(found).toEqual([...found].sort((a, b) => a - b));
  });
});

describe('data formats', () => {
  it('json and yaml hold the same document', async () => {
    expect(JSON.parse(await page('json'))).toEqual(who);
    expect(parse(await page('yaml'))).toEqual(who);
  });

  it('ndjson has one object a line, each with schemaVersion and kind', async () => {
    const lines = (await page('ndjson', check))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { schemaVersion: number; kind: string });
    expect(lines.map((line) => line.kind)).toEqual(['check', 'finding', 'finding']);
    expect(lines.every((line) => line.schemaVersion === 1)).toBe(true);
  });

  it('sarif names rule, level and path', async () => {
    const { runs } = JSON.parse(await page('sarif', check)) as {
      runs: [
        { results: { ruleId: string; level: string; locations: [{ logicalLocations?: [{ fullyQualifiedName: string }] }] }[] },
      ];
    };
    expect(runs[0].results.map(({ ruleId, level }) => [ruleId, level])).toEqual([
      ['home-not-writable', 'warning'],
      ['path-not-writable', 'error'],
    ]);
    expect(runs[0].results[1]!.locations[0].logicalLocations?.[0].fullyQualifiedName).toBe('oci:web:/var/cache/nginx');
  });
});

describe('markdown', () => {
  it('lets no text of an image become markup', async () => {
    const text = await page('markdown');
    expect(text).toContain('no \\<b\\>user\\</b\\> \\| @<!-- -->app');
  });
});

it('every format ends in one line break', async () => {
  for (const format of FORMATS) expect(await page(format, check)).toMatch(/[^\n]\n$/);
});
