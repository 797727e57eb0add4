// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of Dockerfiles
import { describe, expect, it } from 'vitest';
import { sourceFile } from '../source-file.ts';
import { expand, words } from './expand.ts';
import { parseDockerfile } from './parse-dockerfile.ts';

const parse = (text: string) => parseDockerfile(sourceFile('Dockerfile', text));

describe('parseDockerfile', () => {
  it('joins lines, leaves comments and empty lines between them out, and knows where every character stands', () => {
    const text = 'FROM a\nRUN one && \\\n# why\n\n    two\nCMD ["x", "y"]\n';
    const { instructions, problems } = parse(text);
    expect(problems).toEqual([]);
    expect(instructions.map(({ name, args, json }) => [name, args.text, json])).toEqual([
      ['FROM', 'a', undefined],
      ['RUN', 'one &&     two', undefined],
      ['CMD', '["x", "y"]', ['x', 'y']],
    ]);
    const run = instructions[1]!;
    expect(text.slice(run.args.offset(run.args.text.indexOf('two'))).startsWith('two\nCMD')).toBe(true);
    expect(text.slice(run.span.start, run.span.end)).toBe('RUN one && \\\n# why\n\n    two');
    expect([run.span.line, run.span.column]).toEqual([2, 1]);
  });

  it('takes the escape character that the directive names, and two of them for one', () => {
    const { instructions, escape: mark } = parse('# syntax=docker/dockerfile:1\n# escape=`\nFROM a\nRUN dir c:\\\nRUN a `\n b\n');
    expect(mark).toBe('`');
    expect(instructions.map((one) => one.args.text)).toEqual(['a', 'dir c:\\', 'a  b']);
    expect(parse('FROM a\nRUN x \\\\\nRUN y').instructions.map((one) => one.args.text)).toEqual(['a', 'x \\\\', 'y']);
  });

  it('reads flags, heredocs and CRLF', () => {
    const text =
      'FROM --platform=linux/amd64 a AS b\r\nCOPY --chown="1:2" --link x y /z/\r\nRUN <<-\'EOF\' cat <<END\r\n\ta $B\r\nEOF\r\nsecond\r\nEND\r\nUSER 1\r\n';
    const { instructions, problems } = parse(text);
    expect(problems.map(({ severity, message, where }) => [severity, where.line, message.slice(0, 55)])).toEqual([
      ['warning', 4, 'the lines of this heredoc end in carriage returns, as o'],
    ]);
    expect(parse('FROM a\r\nCOPY <<EOF /conf\r\na=1\r\nEOF\r\n').problems).toEqual([]);
    expect(instructions[1]!.flags.map(({ name, value }) => [name, value])).toEqual([
      ['chown', '1:2'],
      ['link', undefined],
    ]);
    expect(instructions[2]!.heredocs.map(({ name, expand: open, content }) => [name, open, content])).toEqual([
      ['EOF', false, 'a $B\r\n'],
      ['END', true, 'second\r\n'],
    ]);
    expect(instructions[3]!.args.text).toBe('1');
    const flag = instructions[1]!.flags[0]!.span;
    expect(text.slice(flag.start, flag.end)).toBe('--chown="1:2"');
  });

  it.each([
    ['FROM a\nFOO b', 2, 'unknown instruction: FOO'],
    ['FROM a\nRUN cat <<EOF\nx\n', 2, 'unterminated heredoc: there is no line EOF'],
    ['{{ if .X }}\nFROM a', 1, "{{ is a template's"],
    ['FROM a\nUSER', 2, 'USER needs an argument'],
    ['# escape=x\nFROM a', 1, "invalid ESCAPE 'x'"],
    ['FROM a\nONBUILD FROM b', 2, "FROM isn't allowed as an ONBUILD trigger"],
  ])('tells what is wrong with %j', (text, line, message) => {
    const [problem] = parse(text).problems;
    expect(problem?.where.line).toBe(line);
    expect(problem?.message).toContain(message);
  });
});

describe('expand', () => {
  const values: Readonly<Record<string, string | null>> = { A: 'x', EMPTY: '', P: '/usr/lib/a.tar.gz', U: null };
  const text = (word: string) => expand(word, (name) => values[name]);
  it.each([
    ['$A-$B.', 'x-.'],
    ['${A}y', 'xy'],
    ['${B:-d}${EMPTY:-e}${EMPTY-f}', 'de'],
    ['${A:+set}${B:+set}', 'set'],
    ['"a $A \\" \\$A"', 'a x " $A'],
    ["'$A'\\$A", '$A$A'],
    ['${B:-${A}z}', 'xz'],
    ['${A:-${U}}', 'x'],
    ['${P##*/} ${P%%.*} ${P%.*} ${P#/*/}', 'a.tar.gz /usr/lib/a /usr/lib/a.tar lib/a.tar.gz'],
    ['${P//a/b} ${P/a/b}', '/usr/lib/b.tbr.gz /usr/lib/b.tar.gz'],
    ['$', '$'],
  ])('%s', (word, wanted) => expect(text(word)).toEqual({ text: wanted }));
  it('says what it does not know and what is wrong', () => {
    expect(text('${B:-$U}')).toEqual({ unknown: 'U' });
    expect(text('${B:?no B}')).toEqual({ error: 'B: no B' });
    expect(text('${A')).toHaveProperty('error');
    expect(text('"a')).toHaveProperty('error');
  });
  it('splits words at blanks that are not quoted', () => {
    expect(words('a="b c" d\\ e  f').map((one) => one.text)).toEqual(['a="b c"', 'd\\ e', 'f']);
  });
});
