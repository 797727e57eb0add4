/** GitHub annotations, read back as the runner reads them. */
import { describe, expect, it } from 'vitest';
import { EMPTY, poisoned, REPORTS } from '../../../test/support/reports.ts';
import type { Report } from '../report.ts';
import { render } from './index.ts';

const github = (report: Report): Promise<string> => render(report, 'github', { color: false, width: 80, verbose: false });
const kinds = Object.keys(REPORTS);

interface Command {
  readonly name: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly message: string;
}

const plain = (text: string): string => text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');
const plainProperty = (text: string): string => plain(text.replaceAll('%3A', ':').replaceAll('%2C', ','));

/** The order of the runner: `::`, name up to the first blank, properties up to the next `::`. */
function commandsIn(text: string): readonly Command[] {
  return text.split(/\r\n|\n|\r/).flatMap((line) => {
    if (!line.trimStart().startsWith('::')) return [];
    const end = line.indexOf('::', 2);
    const [, name = '', properties = ''] = /^(\S+) ?(.*)$/s.exec(line.slice(2, end)) ?? [];
    const pairs = properties
      .split(',')
      .map((pair) => [pair.slice(0, pair.indexOf('=')), plainProperty(pair.slice(pair.indexOf('=') + 1))]);
    return [{ name, properties: Object.fromEntries(pairs), message: plain(line.slice(end + 2)) }];
  });
}

describe('github', () => {
  it('check: level, place, title and what it rests on', async () => {
    const text = await github(REPORTS.check!);
    expect(text).toContain(
      '\n::warning file=web.yaml,line=7,col=5,title=runs-as-root%3A Deployment/web app::the sentence of runs-as-root%0A',
    );
    expect(commandsIn(text).map(({ name, properties }) => [name, properties.file, properties.title])).toEqual([
      ['error', undefined, 'path-not-writable: oci:web'],
      ['error', undefined, 'path-not-writable: oci:web'],
      ['warning', 'web.yaml', 'runs-as-root: Deployment/web app'],
      ['notice', 'web.yaml', 'home-not-writable: Deployment/web app'],
      ['warning', 'web.yaml', 'readable'],
      ['notice', undefined, 'not looked at: oci:web'],
    ]);
    expect(commandsIn(text)[0]!.message).toBe(
      'the sentence of path-not-writable\npath: /var/cache\nmedium confidence\nobserved: mkdir("/var/cache/x") = 0',
    );
    expect(text).toMatch(/\nunroot check oci:web: 2 errors, 2 warnings, 2 notices\n$/);
  });

  it('who: paths as the repository has them, none for standard input, none for what is fine', async () => {
    expect(commandsIn(await github(REPORTS.who!)).map(({ name, properties: { file, line } }) => [name, file, line])).toEqual([
      ['warning', undefined, undefined],
      ['error', 'shop/web.yaml', '12'],
      ['notice', undefined, undefined],
      ['error', 'other.yaml', '3'],
    ]);
  });

  it.each(kinds)('%s: empty says one line', async (kind) => {
    const commands = commandsIn(await github(EMPTY[kind]!));
    expect(commands.length).toBe(kind === 'fix' || kind === 'prove' ? 1 : 0);
    expect(await github(EMPTY[kind]!)).toMatch(/unroot \w+.*: (?:nothing to say|1 error|1 notice)\n$/);
  });

  it.each(kinds)('%s: no text adds a command, a property or a line', async (kind) => {
    const [clean, dirty] = [await github(REPORTS[kind]!), await github(poisoned(REPORTS[kind]!))];
    const shape = (text: string): unknown => commandsIn(text).map(({ name, properties }) => [name, Object.keys(properties)]);
    expect(commandsIn(clean).length).toBeGreaterThan(0);
    expect(shape(dirty)).toEqual(shape(clean));
    expect(dirty.split('\n').length).toBe(clean.split('\n').length);
    expect(dirty).not.toMatch(/##\[|\r|\u001b/);
    // A percent sign of the text comes back as it was, not as a line break.
    expect(commandsIn(dirty)[0]!.message).toContain('/tmp %0A ');
  });
});
