/** One id for a check everywhere: file, finding, doc page. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { dockerfileChecks } from '../src/checks/dockerfile/index.ts';
import { checks } from '../src/checks/index.ts';
import { podSecurityCheckId } from '../src/checks/pod-security.ts';
import { controls } from '../src/pod-security/controls/index.ts';

const pages = readdirSync(new URL('../docs/checks/', import.meta.url)).map((name) => name.replace(/\.md$/, ''));

describe('checks', () => {
  it('have unique ids', () => {
    expect(new Set(checks.map((check) => check.id)).size).toBe(checks.length);
  });

  const all = [
    ...checks.map((check) => [check.id, '', check] as const),
    ...dockerfileChecks.map((check) => [check.id, 'dockerfile/', check] as const),
  ];
  it.each(all)('%s has a file, a page, a summary and an authority', (id, folder, check) => {
    expect(existsSync(new URL(`../src/checks/${folder}${id}.ts`, import.meta.url))).toBe(true);
    const page = readFileSync(new URL(`../docs/checks/${id}.md`, import.meta.url), 'utf8');
    expect(page.startsWith(`# ${id}\n`)).toBe(true);
    for (const part of ['**How it is known.**', '**Example**', '**Fix.**', '**Exceptions.**']) expect(page).toContain(part);
    expect(check.summary).toMatch(/\.$/);
    expect(check.authority).not.toBe('');
  });

  it.each(controls.map((control) => [control.id, control] as const))(
    'Pod Security %s has a file, a page and a summary',
    (_, control) => {
      const id = podSecurityCheckId(control.id);
      const file = id.replace(/^pod-security-/, '');
      expect(existsSync(new URL(`../src/pod-security/controls/${file}.ts`, import.meta.url)), file).toBe(true);
      const page = readFileSync(new URL(`../docs/checks/${id}.md`, import.meta.url), 'utf8');
      expect(page.startsWith(`# ${id}\n`)).toBe(true);
      for (const part of ['**How it is known.**', '**Example**', '**Fix.**', '**Exceptions.**']) expect(page).toContain(part);
      expect(page).toContain(`\`${control.id}\`; level ${control.level}, from version 1.${control.revisions[0]?.since} on.`);
      expect(control.summary).toMatch(/\.$/);
    },
  );

  it('leave no page without a check', () => {
    const ids = [...all.map(([id]) => id), ...controls.map((control) => podSecurityCheckId(control.id))];
    expect(new Set(ids).size).toBe(ids.length);
    expect(pages.filter((page) => !ids.includes(page))).toEqual([]);
  });
});
