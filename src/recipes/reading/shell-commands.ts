/** What the everyday commands of entrypoints ask of the kernel: from their words to operations. */
import type { Operation } from '../../linux/operation.ts';
import { privilegeDrop } from '../privilege-drop.ts';
import { type Accounts, ownerOf, userOf } from './accounts.ts';
import { absolute, type ImageFiles } from './image-files.ts';

const basename = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Options and operands; everything behind `--` is an operand. */
function split(words: readonly string[], withValue = /^$/): { readonly options: string; readonly operands: readonly string[] } {
  const operands: string[] = [];
  let options = '';
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (word === '--') return { options, operands: [...operands, ...words.slice(at + 1)] };
    if (!word.startsWith('-') || word === '-') operands.push(word);
    else {
      options += word.startsWith('--') ? ` ${word} ` : word.slice(1);
      if (withValue.test(word)) at++;
    }
  }
  return { options, operands };
}

const written = (path: string, append = false): Operation => ({
  kind: 'open',
  path,
  access: 'write',
  create: true,
  ...(append ? { append } : { truncate: true }),
  mode: 0o666,
});

/** Devices and what the kernel makes are there for everybody, or are none of a script's files. */
export const isPlain = (path: string): boolean => !/^\/(?:dev|proc|sys)(?:\/|$)/.test(path);

/** The operations of one simple command, in order. Commands that are not known do nothing here. */
export function operationsOf(argv: readonly string[], cwd: string, files: ImageFiles, accounts: Accounts): readonly Operation[] {
  const [name = '', ...words] = argv;
  const at = (path: string): string => absolute(cwd, path);
  const paths = (list: readonly string[]): string[] => list.flatMap((path) => files.glob(at(path))).filter(isPlain);
  const exists = (path: string): boolean => files.rootFs.resolve(path, { follow: false }).entry !== undefined;
  const isFolder = (path: string): boolean => files.rootFs.resolve(path).entry?.type === 'directory';
  switch (basename(name)) {
    case 'mkdir': {
      const { options, operands } = split(words, /^(?:-m|--mode)$/);
      return paths(operands).flatMap((path) =>
        (options.includes('p') ? withParents(path) : [path])
          .filter((one) => !exists(one))
          .map((one) => ({ kind: 'mkdir' as const, path: one, mode: 0o777 })),
      );
    }
    case 'touch':
      return paths(split(words, /^-[drt]$/).operands).map((path) => written(path, true));
    case 'chown':
    case 'chgrp': {
      const { operands } = split(words);
      const spec = basename(name) === 'chgrp' ? `:${operands[0] ?? ''}` : (operands[0] ?? '');
      const owner = ownerOf(spec, accounts);
      return owner === undefined ? [] : paths(operands.slice(1)).map((path) => ({ kind: 'chown', path, ...owner }));
    }
    case 'chmod': {
      const { operands } = split(words);
      const mode = /^[0-7]{3,4}$/.test(operands[0] ?? '') ? Number.parseInt(operands[0]!, 8) : undefined;
      return mode === undefined ? [] : paths(operands.slice(1)).map((path) => ({ kind: 'chmod', path, mode }));
    }
    case 'rm':
      return paths(split(words).operands)
        .filter(exists)
        .map((path) => (isFolder(path) ? { kind: 'rmdir', path } : { kind: 'unlink', path }));
    case 'cp':
    case 'install':
    case 'mv': {
      const { options, operands } = split(words, /^-[mogtS]$/);
      const to = operands.at(-1);
      if (options.includes('d') && basename(name) === 'install') return operations('mkdir', ['-p', ...operands]);
      if (to === undefined || operands.length < 2 || !isPlain(at(to))) return [];
      return operands.slice(0, -1).flatMap((from): readonly Operation[] => {
        const path = isFolder(at(to)) ? `${at(to)}/${basename(from)}` : at(to);
        return basename(name) === 'mv' ? moved(at(from), path) : [written(path)];
      });
    }
    case 'ln': {
      const { operands } = split(words);
      const [target, link] = operands;
      if (target === undefined || link === undefined || !isPlain(at(link))) return [];
      const path = isFolder(at(link)) ? `${at(link)}/${basename(target)}` : at(link);
      return [...(exists(path) ? [{ kind: 'unlink' as const, path }] : []), { kind: 'symlink', path, target }];
    }
    case 'sed': {
      if (!words.some((word) => /^-[nErsz]*i|^--in-place/.test(word))) return [];
      const rest = split(words, /^(?:-e|-f|--expression|--file)$/).operands;
      const edited = words.some((word) => /^(?:-e|-f|--expression|--file)/.test(word)) ? rest : rest.slice(1);
      // sed(1) -i writes beside the file and renames.
      return paths(edited).flatMap((path) => replaced(path, 'sedXXXXXX'));
    }
    case 'cat':
    case 'head':
    case 'tail':
      return paths(split(words, /^-[nc]$/).operands).map((path) => ({ kind: 'open', path, access: 'read' }));
    case 'tee':
      return paths(split(words).operands).map((path) => written(path, words.includes('-a')));
    case 'find':
      return foundChowns(words);
    default:
      return privilegeDrop(name) === undefined ? [] : drops(words);
  }

  function operations(command: string, more: readonly string[]): readonly Operation[] {
    return operationsOf([command, ...more], cwd, files, accounts);
  }

  /** mv(1) renames; what is not there yet comes from a command that is not known. */
  function moved(from: string, to: string): readonly Operation[] {
    return exists(from) ? [{ kind: 'rename', path: from, to }] : replaced(to, 'mvXXXXXX');
  }

  /** Written beside it, and renamed. */
  function replaced(path: string, as: string): readonly Operation[] {
    const temporary = `${path.slice(0, path.lastIndexOf('/'))}/${as}`;
    return [{ ...written(temporary), exclusive: true } as Operation, { kind: 'rename', path: temporary, to: path }];
  }

  /** `find DIR … -exec chown USER {} +`: at least the directory itself, unless it has that owner already. */
  function foundChowns(list: readonly string[]): readonly Operation[] {
    const chown = list.findIndex((word) => basename(word) === 'chown');
    if (chown < 1 || !list[chown - 1]?.startsWith('-exec') || /^[-!(]/.test(list[0] ?? '-')) return [];
    const owner = ownerOf(list.slice(chown + 1).find((word) => !word.startsWith('-')) ?? '', accounts);
    const path = at(list[0]!);
    const entry = files.rootFs.resolve(path).entry;
    if (owner === undefined || entry === undefined || (list.includes('-user') && entry.uid === owner.uid)) return [];
    return [{ kind: 'chown', path, ...owner }];
  }

  /** Becoming whoever the first word that is an account says. */
  function drops(list: readonly string[]): readonly Operation[] {
    for (const word of list) {
      const value = /^--?[a-z]+=(.*)$/.exec(word)?.[1] ?? word;
      const user = /^[A-Za-z_]/.test(value) ? userOf(value.split(':')[0]!, accounts) : undefined;
      if (user !== undefined) return becoming(user.uid, user.gid);
    }
    return [];
  }
}

/** Group first, then user: the other way round the group could not be changed any more. */
export const becoming = (uid: number, gid: number | undefined): readonly Operation[] => [
  ...(gid === undefined
    ? []
    : [
        { kind: 'setgid' as const, call: 'setgid' as const, ids: [gid] },
        { kind: 'setgroups' as const, groups: [gid] },
      ]),
  { kind: 'setuid', call: 'setuid', ids: [uid] },
];

function withParents(path: string): string[] {
  const parts = path.split('/').slice(1, 30);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}
