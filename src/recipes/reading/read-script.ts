/** A shell script read as far as it can be known without running it: what it asks of the kernel, and what it starts in the end. */
import {
  type Assignment,
  type CommandNode,
  type CompoundList,
  type PipelineNode,
  parse,
  type Statement,
  type Word,
} from 'unbash';
import { privilegeDrop, unwrapped } from '../privilege-drop.ts';
import { userOf } from './accounts.ts';
import { absolute } from './image-files.ts';
import { decision, decisionOf, known } from './script-decisions.ts';
import { add, onPath, redirections } from './script-effects.ts';
import type { Branch, Frame, ReadScript, ScriptInput } from './script-frame.ts';
import { scriptOf } from './script-source.ts';
import { operationsOf } from './shell-commands.ts';
import { matchesPattern } from './shell-conditions.ts';
import { asksWho, fields, type Scope, wordText } from './shell-words.ts';
import { wrapperCall } from './wrapper-call.ts';

/** Enough for entrypoints; a script that is longer is left where it stands. */
const MAX_COMMANDS = 2000;
const MAX_DEPTH = 8;
const MAX_TURNS = 50;

/** `argv` starts with the script. */
export async function readScript(path: string, argv: readonly string[], input: ScriptInput): Promise<ReadScript> {
  const result: ReadScript = { operations: [], programs: [] };
  await run(path, argv, { input, result, depth: 0, budget: { left: MAX_COMMANDS }, variables: new Map(input.env) });
  return result;
}

/** Where a program is started from: what it is given, and what is left to be read. */
interface Start extends Pick<Frame, 'input' | 'result' | 'depth' | 'budget'> {
  readonly variables: Map<string, string | undefined>;
}

async function run(path: string, argv: readonly string[], start: Start): Promise<boolean> {
  const { input, result, depth, budget, variables } = start;
  if (depth > MAX_DEPTH) return false;
  const script = await scriptOf(path, argv, input);
  if (script === undefined) return wrapped(argv, start);
  const { source, zero, positional } = script;
  const scope: Scope = { variables, positional, zero, uid: input.uid, userName: input.userName };
  const frame: Frame = {
    input,
    result,
    path: script.path,
    source,
    scope,
    functions: new Map(),
    depth,
    budget,
    cwd: input.cwd,
    at: 0,
    ended: false,
    mayHaveEnded: false,
  };
  await list(parse(source).commands, frame, { unsure: false, onlyRoot: false });
  return true;
}

/** What an init or its like starts. */
async function wrapped(argv: readonly string[], start: Start): Promise<boolean> {
  const { input, result, depth, variables } = start;
  const inner = wrapperCall(argv);
  const path = inner === undefined ? undefined : onPath(inner[0]!, { input, cwd: input.cwd, scope: { variables } });
  if (inner === undefined || path === undefined) return false;
  if (!(await run(path, inner, { ...start, depth: depth + 1 })))
    result.programs.push({ argv: [path, ...inner.slice(1)], cwd: input.cwd });
  return true;
}

async function list(commands: readonly Statement[], frame: Frame, branch: Branch): Promise<void> {
  for (const { command } of commands) {
    if (frame.ended || frame.budget.left-- <= 0) return;
    if (command.type !== 'AndOr') {
      await node(command, frame, branch);
      continue;
    }
    let before: boolean | undefined = true;
    let onlyRoot = branch.onlyRoot;
    for (const [index, one] of command.commands.entries()) {
      const operator = command.operators[index - 1];
      const skipped = operator === '&&' ? before === false : operator === '||' ? before === true : false;
      if (skipped) continue;
      const answer = decision(one, frame);
      const open = frame.ended;
      const unsure = branch.unsure || (operator !== undefined && before === undefined);
      const otherwise = command.operators.indexOf('||', index);
      const tolerated = branch.tolerated === true || (otherwise >= 0 && goesOn(textOf(command.commands[otherwise + 1]!, frame)));
      await node(one, frame, { ...branch, unsure, onlyRoot, tolerated });
      if (operator === undefined || operator === '&&') onlyRoot ||= answer === true && isAboutRoot(one, frame);
      // An exit that may not have been reached does not end the script, but nothing behind it is sure.
      if (operator !== undefined && before === undefined && frame.ended && !open) {
        frame.ended = false;
        frame.mayHaveEnded = true;
      }
      before = answer;
    }
  }
}

/** Ends as a failure, or by a function that is named like it. */
const STOPS = /\b(?:exit|return)\b(?!\s+0\b)|(?:^|[;&|{\n])\s*(?:die|fail|fatal|abort|false)\b/;

/** What stands behind `||` only says that something could not be done, or that all is well. */
const goesOn = (text: string): boolean =>
  /^\s*(?:(?:true|:|exit 0|return 0)\s*$|(?:echo|printf)\s|[{(])/.test(text) && !STOPS.test(text);

const textOf = (one: { readonly pos: number; readonly end: number }, frame: Frame): string =>
  frame.source.slice(one.pos, one.end);

const isAboutRoot = (one: PipelineNode | CompoundList, frame: Frame): boolean =>
  frame.scope.uid === 0 && asksWho(textOf(one, frame));

async function node(one: PipelineNode, frame: Frame, branch: Branch): Promise<void> {
  if (frame.ended) return;
  switch (one.type) {
    case 'Pipeline':
      for (const each of one.commands) await node(each, frame, branch);
      return;
    case 'Command':
      return command(one, frame, branch);
    case 'Redirected':
      frame.at = one.pos;
      redirections(one.redirects, frame, branch, textOf(one, frame));
      return node(one.command, frame, branch);
    case 'Function':
      if (one.body.type === 'BraceGroup') frame.functions.set(one.name.value, one.body.body);
      return;
    case 'BraceGroup':
      return list(one.body.commands, frame, branch);
    case 'Subshell': {
      const inner = { ...frame, cwd: frame.cwd, ended: false };
      return list(one.body.commands, inner, branch);
    }
    case 'If': {
      const arms = [one, ...one.elif];
      let unsure = branch.unsure;
      for (const { clause, then } of arms) {
        await list(clause.commands, frame, {
          ...branch,
          unsure,
          tolerated: branch.tolerated === true || !STOPS.test(textOf(one, frame)),
        });
        const answer = decisionOf(clause, frame);
        const onlyRoot = branch.onlyRoot || (answer === true && isAboutRoot(clause, frame));
        if (answer !== false)
          await guarded(then, frame, { ...branch, unsure: unsure || answer === undefined, onlyRoot }, answer === true);
        if (answer === true) return;
        unsure ||= answer === undefined;
      }
      if (one.else) await guarded(one.else, frame, { ...branch, unsure }, !unsure);
      return;
    }
    case 'Case': {
      const text = wordText(one.word, frame.scope);
      for (const item of one.items) {
        const answers = item.pattern.map((pattern) => (text === undefined ? undefined : patternAnswer(text, pattern, frame)));
        const fits = answers.includes(true) ? true : answers.includes(undefined) ? undefined : false;
        if (fits !== false)
          await guarded(item.body, frame, { ...branch, unsure: branch.unsure || fits === undefined }, fits === true);
        if (fits === true) return;
      }
      return;
    }
    case 'For': {
      const values =
        one.wordlist === undefined ? frame.scope.positional : one.wordlist.flatMap((word) => globbed(word, frame) ?? [undefined]);
      for (const value of (values ?? [undefined]).slice(0, MAX_TURNS)) {
        frame.scope.variables.set(one.name.value, value);
        await list(one.body.commands, frame, branch);
      }
      return;
    }
    case 'While':
      return guarded(one.body, frame, { ...branch, unsure: true }, false);
    default:
      return;
  }
}

/** A branch that may not be taken does not end the script for what follows. */
async function guarded(body: CompoundList, frame: Frame, branch: Branch, certain: boolean): Promise<void> {
  await list(body.commands, frame, branch);
  if (certain || !frame.ended) return;
  frame.ended = false;
  frame.mayHaveEnded = true;
}

const patternAnswer = (text: string, pattern: Word, frame: Frame): boolean | undefined => {
  const value = wordText(pattern, frame.scope);
  return value === undefined ? undefined : matchesPattern(text, value);
};

function globbed(word: Word, frame: Frame): readonly (string | undefined)[] | undefined {
  const values = fields(word, frame.scope);
  if (word.parts?.some(({ type }) => type === 'Glob') !== true && !/[*?]/.test(word.text)) return values;
  return values?.flatMap((value) => frame.input.files.glob(absolute(frame.cwd, value)));
}

async function command(one: CommandNode & { type: 'Command' }, frame: Frame, branch: Branch): Promise<void> {
  const { scope, result } = frame;
  frame.at = one.pos;
  const text = textOf(one, frame);
  redirections(one.redirects, frame, branch, text);
  const assigned = one.prefix.filter((each): each is Assignment => each.type === 'Assignment');
  const name = one.name === undefined ? undefined : wordText(one.name, scope);
  if (one.name === undefined) for (const each of assigned) assign(each, frame, branch);
  if (name === undefined) {
    if (one.name?.text.includes('$@') && scope.positional) await start(scope.positional, frame, branch, text);
    return;
  }
  const words = one.args.flatMap((arg) => (arg.type === 'Assignment' ? [arg.text] : known(fields(arg, scope))));
  if (name === 'export' || name === 'local' || name === 'readonly') {
    for (const arg of one.args) if (arg.type === 'Assignment') assign(arg, frame, branch);
    return;
  }
  if (name === 'set' && words[0] === '--') {
    const sure = words.every((word) => word !== undefined);
    scope.positional = sure && !branch.unsure ? words.slice(1).map(String) : undefined;
  } else if (name === 'shift') scope.positional = scope.positional?.slice(Number(words[0] ?? 1) || 1);
  else if (name === 'cd' && words[0] !== undefined) frame.cwd = absolute(frame.cwd, words[0]);
  else if (name === 'exit' || name === 'return') frame.ended = true;
  else if (name === '.' || name === 'source') await sourced(words[0], frame);
  else if (frame.functions.has(name)) await called(name, words, frame, branch);
  else {
    const argv = name === 'exec' ? words : [name, ...words];
    const certain = argv.filter((word): word is string => word !== undefined);
    // A word that nobody knows may be a path: such a command is left out, except for what it starts.
    if (certain.length === argv.length) await start(certain, frame, branch, text);
    else if (name === 'exec' && certain.length > 0) result.programs.push({ argv: certain, cwd: frame.cwd });
    if (name === 'exec' && argv.length > 0) frame.ended = true;
  }
}

function assign(each: Assignment, frame: Frame, branch: Branch): void {
  const value = each.value.type === 'Word' && !each.append ? wordText(each.value, frame.scope) : undefined;
  frame.scope.variables.set(each.name, branch.unsure ? undefined : value);
}

async function called(name: string, words: readonly (string | undefined)[], frame: Frame, branch: Branch): Promise<void> {
  if (frame.depth >= MAX_DEPTH) return;
  const positional = words.every((word) => word !== undefined) ? words.map(String) : undefined;
  const inner: Frame = { ...frame, scope: { ...frame.scope, positional }, depth: frame.depth + 1, ended: false };
  await list(frame.functions.get(name)!.commands, inner, branch);
}

async function sourced(path: string | undefined, frame: Frame): Promise<void> {
  if (path === undefined || frame.depth >= MAX_DEPTH) return;
  const full = absolute(frame.cwd, path);
  const source = await frame.input.files.text(full);
  if (source === undefined) return;
  const inner: Frame = { ...frame, path: full, source, depth: frame.depth + 1, ended: false };
  await list(parse(source).commands, inner, { unsure: false, onlyRoot: false });
}

/** One simple command with all words known. */
async function start(argv: readonly string[], frame: Frame, branch: Branch, text: string): Promise<void> {
  const { input } = frame;
  const [name = ''] = argv;
  const program = name.includes('/') ? onPath(name, frame) : undefined;
  if (program !== undefined) add({ kind: 'exec', path: program }, 'sh', frame, branch, text);
  for (const operation of operationsOf(argv, frame.cwd, input.files, input.accounts)) add(operation, name, frame, branch, text);
  const inner = unwrapped(argv);
  if (inner !== undefined && privilegeDrop(name)) {
    const user = argv
      .slice(1)
      .map((word) => userOf((/=(.*)$/.exec(word)?.[1] ?? word).split(':')[0]!, input.accounts))
      .find((one) => one !== undefined && one.uid > 0);
    const dropped: ScriptInput = user === undefined ? input : { ...input, uid: user.uid, userName: undefined };
    await begin(inner, { ...frame, input: dropped });
    return;
  }
  await begin(argv, frame);
}

/** Another script is read as well; anything else is a program. */
async function begin(argv: readonly string[], frame: Frame): Promise<void> {
  const { input, result, depth, budget } = frame;
  const [name = ''] = argv;
  const path = onPath(name, frame);
  if (path === undefined) return;
  const variables = new Map(frame.scope.variables);
  const isScript = await run(path, argv, { input: { ...input, cwd: frame.cwd }, result, depth: depth + 1, budget, variables });
  if (!isScript) result.programs.push({ argv: [path, ...argv.slice(1)], cwd: frame.cwd });
}
