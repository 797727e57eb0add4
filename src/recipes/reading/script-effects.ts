/** What a command of a shell script leaves behind, noted with its line. */
import type { Redirection } from 'unbash';
import { absolute } from './image-files.ts';
import type { ReadOperation } from './read-operation.ts';
import type { Branch, Frame } from './script-frame.ts';
import { isPlain } from './shell-commands.ts';
import { wordText } from './shell-words.ts';

/** The program behind a name, as the shell would find it. */
export function onPath(
  name: string,
  { input, cwd, scope }: Pick<Frame, 'input' | 'cwd'> & { readonly scope: Pick<Frame['scope'], 'variables'> },
): string | undefined {
  const { rootFs } = input.files;
  const isFile = (path: string): boolean => rootFs.resolve(path).entry?.type === 'file';
  if (name.includes('/')) return isFile(absolute(cwd, name)) ? absolute(cwd, name) : undefined;
  const folders = (scope.variables.get('PATH') ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin')
    .split(':')
    .slice(0, 20);
  return folders.map((folder) => `${folder}/${name}`).find(isFile);
}

export function add(operation: ReadOperation['operation'], program: string, frame: Frame, branch: Branch, text: string): void {
  const line = frame.source.slice(0, frame.at).split('\n').length;
  frame.result.operations.push({
    operation,
    program,
    file: frame.path,
    line,
    text: text.split('\n')[0]!.slice(0, 200),
    confidence: branch.unsure || branch.tolerated === true || frame.mayHaveEnded ? 'low' : 'medium',
    ...(branch.onlyRoot ? { onlyRoot: true } : {}),
  });
}

export function redirections(redirects: readonly Redirection[], frame: Frame, branch: Branch, text: string): void {
  for (const one of redirects) {
    if (one.type !== 'Redirect' || one.target === undefined || !/^(?:>|>>|>\||&>|&>>|<>|<)$/.test(one.operator)) continue;
    const value = wordText(one.target, frame.scope);
    if (value === undefined || value === '' || value.startsWith('&') || !isPlain(absolute(frame.cwd, value))) continue;
    if (one.operator === '<') {
      add({ kind: 'open', path: absolute(frame.cwd, value), access: 'read' }, 'sh', frame, branch, text);
      continue;
    }
    const append = one.operator.endsWith('>>');
    add(
      {
        kind: 'open',
        path: absolute(frame.cwd, value),
        access: 'write',
        create: true,
        ...(append ? { append } : { truncate: true }),
        mode: 0o666,
      },
      'sh',
      frame,
      branch,
      text,
    );
  }
}
