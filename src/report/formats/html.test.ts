/** The HTML page: complete, alone, and made of nothing but its own markup. */
import { describe, expect, it } from 'vitest';
import { EMPTY, HOSTILE, poisoned, REPORTS } from '../../../test/support/reports.ts';
import type { Block } from '../block.ts';
import type { Report } from '../report.ts';
import { renderHtml } from './html.ts';
import { COLORS } from './html-style.ts';
import { render } from './index.ts';

const html = (report: Report, verbose = true): Promise<string> => render(report, 'html', { color: false, width: 80, verbose });
const kinds = Object.keys(REPORTS);

const VOID = new Set(['meta']);

/** Every element as `name attribute="value"…`; throws when tags do not nest. */
function elementsOf(page: string): readonly string[] {
  const open: string[] = [];
  const elements: string[] = [];
  const body = page.replace(/^<!DOCTYPE html>/, '').replace(/<style>[^<]*<\/style>/, '');
  for (const [, closed, name, attributes] of body.matchAll(/<(\/?)([a-z][a-z0-9]*)((?: [a-z-]+="[^"]*")*)>/g)) {
    if (closed === '/') {
      const last = open.pop();
      if (last !== name) throw new Error(`</${name}> closes ${last}`);
    } else {
      elements.push(`${name}${attributes}`);
      if (!VOID.has(name!)) open.push(name!);
    }
  }
  if (open.length > 0) throw new Error(`open: ${open.join(', ')}`);
  const left = body.replace(/<\/?[a-z][a-z0-9]*(?: [a-z-]+="[^"]*")*>/g, '');
  if (/[<>]/.test(left)) throw new Error(`stray bracket near ${left.slice(Math.max(0, left.search(/[<>]/) - 40)).slice(0, 80)}`);
  return elements;
}

const ALLOWED = 'html head meta title main body p h1 h2 ul li dl dt dd b span pre code div table thead tbody tr th td'.split(' ');

describe('html', () => {
  it.each(kinds)('%s: nests, needs nothing from elsewhere, has one h1', async (kind) => {
    for (const report of [REPORTS[kind]!, EMPTY[kind]!, poisoned(REPORTS[kind]!)]) {
      for (const verbose of [true, false]) {
        const page = await html(report, verbose);
        const elements = elementsOf(page);
        expect([...new Set(elements.map((one) => one.split(' ')[0]!))].filter((name) => !ALLOWED.includes(name))).toEqual([]);
        expect(elements.filter((one) => one.startsWith('h1'))).toHaveLength(1);
        expect(elements.filter((one) => / (?:href|src|style|on\w+)="/.test(one))).toEqual([]);
        expect(page.match(/<style>[^<]*<\/style>/)?.[0]).not.toMatch(/url\(|@import|expression/);
      }
    }
  });

  it.each(kinds)('%s: hostile text changes no markup', async (kind) => {
    const page = await html(poisoned(REPORTS[kind]!));
    expect(page).not.toMatch(/<script|<img|<!--|\u001b|\u202e|\u0000|[\ud800-\udbff](?![\udc00-\udfff])/);
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&gt;');
    // As many elements as without, but for places where a text is given or not.
    const names = (text: string): string =>
      elementsOf(text)
        .filter((one) => /^(?:li|tr|h2|dt|pre)/.test(one))
        .map((one) => one.split(' ')[0])
        .join(' ');
    if (kind !== 'explain' && kind !== 'podSecurity') expect(names(page)).toBe(names(await html(REPORTS[kind]!)));
  });

  it.each(kinds)('%s: says everything that the table says', async (kind) => {
    const page = await html(REPORTS[kind]!);
    const text = page
      .replace(/<style>[^<]*<\/style>/, '')
      .replace(/<\/?(?:b|span)\b[^>]*>/g, '')
      .replace(/<[^>]*>/g, ' ')
      .replaceAll('&quot;', '"')
      .replaceAll('&#39;', "'")
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&amp;', '&');
    const words = (some: string): readonly string[] => some.match(/[\w/.:-]{3,}/g) ?? [];
    const table = await render(REPORTS[kind]!, 'table', { color: false, width: 2000, verbose: true });
    const has = new Set(words(text));
    expect(words(table).length).toBeGreaterThan(10);
    expect(words(table).filter((word) => !has.has(word) && !text.includes(word))).toEqual([]);
  });

  it('tells by words and signs what it tells by colour', () => {
    const blocks: Block[] = [
      { kind: 'heading', line: ['x'] },
      {
        kind: 'paragraph',
        line: [{ text: 'error', tone: 'bad' }, ' and ', { text: 'uid 0', tone: 'bad' }, ', ', { text: 'uid 7', tone: 'good' }],
      },
      { kind: 'paragraph', line: ['r', { text: 'w', tone: 'bad' }, { text: 'x', tone: 'bad' }, ' ', { text: '✗', tone: 'bad' }] },
    ];
    const page = renderHtml(blocks, 'x');
    expect(page).toContain('<span class="badge bad">error</span> and <b class="bad"><span aria-hidden="true">✗ </span>uid 0</b>');
    expect(page).toContain('<b class="good"><span aria-hidden="true">✓ </span>uid 7</b>');
    expect(page).toContain('r<b class="bad part">wx</b> <span class="bad" role="img" aria-label="no">✗</span>');
  });

  it('tables have headers for columns and rows; wide ones name their cells for the phone', async () => {
    const elements = elementsOf(await html(REPORTS.trace!));
    expect(elements.filter((one) => one.startsWith('th scope="col"'))).toHaveLength(5);
    expect(elements.filter((one) => one.startsWith('th scope="row"'))).toHaveLength(2);
    expect(elements).toContain('td role="cell" data-label="UID"');
    expect(elements).toContain('table role="table" class="stack"');
    expect(elementsOf(await html(REPORTS.prove!)).filter((one) => /data-label="BEFORE"/.test(one)).length).toBeGreaterThan(3);
  });

  it('has a language, a title, a width for phones, both colour schemes, and a policy that forbids everything', async () => {
    const page = await html(REPORTS.check!);
    expect(page).toMatch(/^<!DOCTYPE html>\n<html lang="en">/);
    expect(page).toContain('<title>unroot check oci:web</title>');
    expect(page).toContain('content="width=device-width, initial-scale=1"');
    expect(page).toContain('@media (prefers-color-scheme:dark)');
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'`);
    expect(await html(REPORTS.check!)).toBe(page);
    expect(HOSTILE).toContain('</style>');
  });

  it('every text has a contrast of 4.5 to 1 in both schemes (WCAG 2.2, 1.4.3)', () => {
    const light = (hex: string): number => {
      const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
        const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (a: string, b: string): number => {
      const [high = 0, low = 0] = [light(a), light(b)].sort((x, y) => y - x);
      return (high + 0.05) / (low + 0.05);
    };
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21);
    for (const [scheme, colors] of Object.entries(COLORS)) {
      const pairs = [
        ...(['text', 'dim', 'bad', 'good', 'unknown'] as const).flatMap((name) => [
          [name, 'page'] as const,
          [name, 'card'] as const,
        ]),
        ...(['bad', 'good', 'unknown'] as const).map((name) => [name, `${name}-back`] as const),
        ['text', 'note-back'] as const,
      ];
      for (const [front, back] of pairs)
        expect(contrast(colors[front], colors[back]), `${scheme}: ${front} on ${back}`).toBeGreaterThanOrEqual(4.5);
    }
  });
});
