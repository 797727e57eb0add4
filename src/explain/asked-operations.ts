/** From what was asked to operations: one, or those that make sense for what lies at a path. */
import { describeOperation } from '../finding/denied.ts';
import type { Launch } from '../launch/launch.ts';
import type { FileTree } from '../linux/decision.ts';
import { childPath } from '../linux/file-path.ts';
import type { Operation } from '../linux/operation.ts';
import { CALLS, callUsage } from './calls.ts';
import { absolute, PATH_ACTIONS, type Scene } from './path-actions.ts';
import { badQuestion, type Question } from './question.ts';

/** One operation with the word and the sentence for it. */
export interface Asked {
  readonly to: string;
  readonly what: string;
  readonly operation: Operation;
}

/** The question in full, and its operations; never empty. */
export function askedOperations(
  question: Question,
  scene: Scene,
  tree: FileTree,
  launch: Launch,
): { readonly asked: string; readonly operations: readonly Asked[] } {
  switch (question.kind) {
    case 'port': {
      const { port, protocol } = question;
      const operation: Operation = { kind: 'bind', protocol, address: '0.0.0.0', port };
      return { asked: `:${port}/${protocol}`, operations: [{ to: 'bind', what: describeOperation(operation), operation }] };
    }
    case 'call': {
      const { name, arguments: words } = question;
      const call = CALLS[name];
      const operation = call?.make(words, scene);
      if (call === undefined || operation === undefined)
        throw badQuestion(
          `${[name, ...words].join(' ')} is not understood`,
          [callUsage(name, call?.usage ?? ''), ...(call?.expects === undefined ? [] : [call.expects])].join('; '),
        );
      return { asked: [name, ...words].join(' '), operations: [{ to: name, what: describeOperation(operation), operation }] };
    }
    case 'path': {
      const path = absolute(question.path, launch.cwd);
      const names = question.to === undefined ? usual(path, scene, tree, launch) : [{ ...question.to, path }];
      return {
        asked: path,
        operations: names.map((one): Asked => {
          const operation = PATH_ACTIONS[one.name]?.make(one.path, one.value ?? '', scene);
          if (operation === undefined)
            throw badQuestion(
              `--to ${one.name}=${one.value} is not understood`,
              `--to ${PATH_ACTIONS[one.name]?.usage}${one.name === 'chown' ? '; UID and GID as numbers, or names that the image has' : ''}`,
            );
          return { to: one.name, what: sentence(one.name, operation), operation };
        }),
      };
    }
  }
}

interface Named {
  readonly name: string;
  readonly path: string;
  readonly value?: string;
}

/** What people do to such a thing. */
function usual(path: string, scene: Scene, tree: FileTree, launch: Launch): readonly Named[] {
  const node = scene.at(path, true);
  const here = (...names: string[]): Named[] => names.map((name) => ({ name, path }));
  if (node === undefined) return scene.at(path, false) === undefined ? here('create', 'mkdir') : here('read', 'write', 'delete');
  if (node === 'unknown') return here('read', 'write');
  switch (node.inode.type) {
    case 'directory':
      return [
        ...here('list', 'enter'),
        { name: 'create', path: childPath(trimmed(path), freeName(path, scene)) },
        ...removal(path, tree, launch),
      ];
    case 'file':
      return here('read', 'write', 'execute', 'delete');
    case 'socket':
      return here('connect', 'delete');
    default:
      return here('read', 'write');
  }
}

const trimmed = (path: string): string => path.replace(/\/+$/, '') || '/';

/** A name that nothing in the folder has, as far as anybody knows. */
function freeName(folder: string, scene: Scene): string {
  const free = (name: string): boolean => typeof scene.at(childPath(trimmed(folder), name), false) !== 'object';
  for (let count = 0; count < 100; count += 1) {
    const name = count === 0 ? 'new-entry' : `new-entry-${count}`;
    if (free(name)) return name;
  }
  return 'new-entry-100';
}

/**
 * Deleting is asked for an entry of somebody else's, where there is one: with the sticky bit that is not the same as for one's own. A folder
 * with something in it says nothing about rights, so it is asked for only where there is nothing else.
 */
function removal(path: string, tree: FileTree, launch: Launch): readonly Named[] {
  const names = tree.list?.(trimmed(path));
  if (!Array.isArray(names)) return [];
  const entries = names.slice(0, 1000).map((name: string) => childPath(trimmed(path), name));
  const isFull = (entry: string): boolean => {
    const node = tree.lookup(entry);
    const inside = typeof node === 'object' && node.inode.type === 'directory' ? tree.list?.(entry) : undefined;
    return Array.isArray(inside) && inside.length > 0;
  };
  const ofOthers = (entry: string): boolean => {
    const node = tree.lookup(entry);
    return typeof node === 'object' && node.inode.uid !== launch.uid && node.mount !== entry;
  };
  const removable = entries.filter((entry) => !isFull(entry));
  const chosen = removable.find(ofOthers) ?? removable[0] ?? entries.find(ofOthers) ?? entries[0];
  return chosen === undefined ? [] : [{ name: 'delete', path: chosen }];
}

function sentence(name: string, operation: Operation): string {
  const path = 'path' in operation ? operation.path : '';
  switch (name) {
    case 'create':
      return `creates ${path}`;
    case 'append':
      return `appends to ${path}`;
    case 'list':
      return `lists ${path}`;
    case 'enter':
    case 'search':
      return `enters ${path}`;
    default:
      return describeOperation(operation);
  }
}
