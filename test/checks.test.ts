/** One id for a check everywhere: file, finding, doc page. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checks } from '../src/checks/index.ts';

const pages = readdirSync(new URL('../docs/checks/', import.meta.url)).map((name) => name.replace(/\.md$/, ''));

describe('checks', () => {
  it('have unique ids', () => {
    expect(new Set(checks.map((check) => check.id)).size).toBe(checks.length);
  });

  it.each(checks.map((check) => [check.id, check] as const))('%s has a file, a page, a summary and an authority', (id, check) => {
    expect(existsSync(new URL(`../src/checks/${id}.ts`, import.meta.url))).toBe(true);
    const page = readFileSync(new URL(`../docs/checks/${id}.md`, import.meta.url), 'utf8');
    expect(page.startsWith(`# ${id}\n`)).toBe(true);
    for (const part of ['**How it is known.**', '**Example**', '**Fix.**', '**Exceptions.**']) expect(page).toContain(part);
    expect(check.summary).toMatch(/\.$/);
    expect(check.authority).not.toBe('');
  });

  it('leave no page without a check', () => {
    expect(pages.filter((page) => !checks.some((check) => check.id === page))).toEqual([]);
  });
});
