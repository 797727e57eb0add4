/**
 * The player's desk: `check`, `hint`, `step`, `answer`, `solve`, `reset`, `stop`, asked from inside the node (a socket in /run/lab) or by
 * another command of this machine (the same socket). It only ever answers with text; what is green is decided here, outside.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get, type Server } from 'node:http';
import { join } from 'node:path';
import { processAlive, processStartTime } from '../engine/proc.ts';
import { UnrootError } from '../error.ts';
import type { Lab, LabStep } from './lab.ts';
import type { Entry, LabNode } from './node.ts';
import { isSlow, paint, type RenderOptions, renderMarkdown, renderQuiz, renderStates, renderStep } from './render.ts';
import type { LabSession } from './session.ts';

export interface Desk {
  /** Listens in this node; for `StartOptions.onNode`. */
  listen(node: LabNode): Promise<void>;
  /** The session, once there is one. */
  serve(session: LabSession): void;
  close(): void;
}

export interface Answer {
  readonly text: string;
  readonly exit: number;
}

interface Running {
  readonly pid: number;
  readonly start: number;
  readonly socket: string;
  /** What starts a program in the node of the moment, without its words. */
  readonly enter: Entry;
}

/** Who plays this lab at the moment is told by a file of the state folder. */
export function openDesk(lab: Lab, stateFolder: string, stop: () => void): Desk {
  let session: LabSession | undefined;
  let server: Server | undefined;
  const told = new Set<string>();
  const file = runningFile(stateFolder, lab);
  return {
    async listen(node) {
      server?.close();
      told.clear();
      const socket = join(node.shared, 'player');
      server = createServer((request, response) => {
        void (async () => {
          const url = new URL(request.url ?? '/', 'http://lab');
          const options: RenderOptions = {
            columns: Math.min(200, Number(url.searchParams.get('columns')) || 80),
            color: url.searchParams.get('color') === '1',
          };
          const words = (url.searchParams.get('words') ?? '').split(/\s+/).filter(Boolean).slice(0, 8);
          const answer: Answer =
            session === undefined
              ? { text: 'not ready yet', exit: 2 }
              : await reply(session, url.pathname.slice(1), words, options, told, stop).catch((error: Error) => ({
                  text: trouble(error, options),
                  exit: 2,
                }));
          response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'x-exit': String(answer.exit) });
          response.end(answer.text === '' ? '' : `${answer.text}\n`);
        })();
      });
      await new Promise<void>((resolve, reject) => {
        server!.once('error', reject);
        server!.listen(socket, resolve);
      });
      server.unref();
      const running: Running = { pid: process.pid, start: processStartTime(process.pid) ?? 0, socket, enter: node.enter([]) };
      mkdirSync(stateFolder, { recursive: true, mode: 0o700 });
      writeFileSync(`${file}.${process.pid}`, JSON.stringify(running), { mode: 0o600 });
      renameSync(`${file}.${process.pid}`, file);
    },
    serve(one) {
      session = one;
    },
    close() {
      server?.close();
      server?.closeAllConnections();
      rmSync(file, { force: true });
    },
  };
}

const runningFile = (stateFolder: string, lab: Lab): string => join(stateFolder, `${lab.name}.running`);

/** The socket of the player of this lab, when there is one. */
export const playerSocket = (stateFolder: string, lab: Lab): string | undefined => playing(stateFolder, lab)?.socket;

/** The way into its node from another terminal, when somebody plays it. */
export function playerNode(stateFolder: string, lab: Lab): Pick<LabNode, 'enter'> | undefined {
  const entry = playing(stateFolder, lab)?.enter;
  if (entry === undefined) return undefined;
  const { file, args, env } = entry;
  return { enter: (argv, extra = {}) => ({ file, args: [...args, ...argv], env: { ...env, ...extra } }) };
}

function playing(stateFolder: string, lab: Lab): Running | undefined {
  const file = runningFile(stateFolder, lab);
  if (!existsSync(file)) return undefined;
  try {
    const running = JSON.parse(readFileSync(file, 'utf8')) as Running;
    return processAlive(running.pid, running.start) ? running : undefined;
  } catch {
    return undefined;
  }
}

/** Asks it, as `check` in the node does. */
export function ask(socket: string, what: string, words: readonly string[], options: RenderOptions): Promise<Answer> {
  const query = new URLSearchParams({
    columns: String(options.columns),
    color: options.color ? '1' : '0',
    words: words.join(' '),
  });
  return new Promise((resolve, reject) => {
    get({ socketPath: socket, path: `/${what}?${query}` }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () => resolve({ text, exit: Number(answer.headers['x-exit'] ?? 0) }));
    }).on('error', (cause) =>
      reject(new UnrootError(`the player does not answer: ${cause.message}`, { code: 'lab.no-player', cause })),
    );
  });
}

/** What went wrong, and what may help. */
function trouble(error: Error, options: RenderOptions): string {
  const hint = error instanceof UnrootError ? error.hint : undefined;
  return hint === undefined ? error.message : `${error.message}\n\n${renderMarkdown(`Try: ${hint}`, options)}`;
}

async function reply(
  session: LabSession,
  what: string,
  words: readonly string[],
  options: RenderOptions,
  told: Set<string>,
  stop: () => void,
): Promise<Answer> {
  const { lab } = session;
  const named = words.find((word) => !/^\d$/.test(word));
  const step = named === undefined ? currentStep(session) : lab.steps.find(({ id }) => id === named);
  if (step === undefined) return { text: `lab ${lab.id} has no step ${named}`, exit: 2 };
  const ok = (text: string, exit = 0): Answer => ({ text, exit });
  switch (what) {
    case 'check': {
      const before = session.progress().done.includes(step.id);
      const states = await session.check(step.id);
      for (const { says, green } of states) if (green) told.add(`${step.id} ${says}`);
      const done = states.every(({ green }) => green);
      return ok(
        [renderStates(states, options), ...(done && !before ? [afterStep(session, step, options)] : [])].join('\n'),
        done ? 0 : 1,
      );
    }
    case 'news': {
      // What takes long is looked at when somebody asks.
      if (session.progress().done.includes(step.id) || isSlow(step)) return ok('');
      const states = await session.check(step.id);
      const fresh = states.filter(({ says, green }) => green && !told.has(`${step.id} ${says}`));
      for (const { says } of fresh) told.add(`${step.id} ${says}`);
      // A file that is still as it was is no news.
      if (fresh.length === 0 && !states.every(({ green }) => green)) return ok('');
      return ok(
        [renderStates(fresh, options), ...(states.every(({ green }) => green) ? [afterStep(session, step, options)] : [])].join(
          '\n',
        ),
      );
    }
    case 'hint': {
      const hint = session.hint(step.id);
      return hint === undefined
        ? ok('There are no more hints for this step. `solve` does it for you.', 1)
        : ok(renderMarkdown(hint, options));
    }
    case 'step':
      return ok(
        renderStep(lab, step, options, (says) => session.progress().done.includes(step.id) || told.has(`${step.id} ${says}`)),
      );
    case 'answer':
      return answer(session, step, words, options);
    case 'solve': {
      await session.solve(step.id);
      const { text, exit } = await reply(session, 'check', [step.id], options, told, stop);
      const why = 'The solution ran, and the step is not done: what was done before may be in its way. reset, then solve again.';
      return ok(exit === 0 ? text : `${text}\n${why}`, exit);
    }
    case 'reset':
      // After the answer is written: the node it goes to ends.
      setTimeout(() => void session.reset({ resume: true }).catch(() => stop()), 100);
      return ok(
        session.progress().done.length === 0
          ? 'The node is made anew.'
          : "The node is made anew, and brought to where you were. (In no shell's jobs: pkill -INT -f 'unroot.js run' ends what runs again.)",
      );
    case 'stop':
      setTimeout(stop, 100);
      return ok('The lab is ended.');
    default:
      return ok(`${what} is not known here`, 2);
  }
}

/** The first that is not done; at the end the last. */
export const currentStep = (session: Pick<LabSession, 'lab' | 'progress'>): LabStep => {
  const { done } = session.progress();
  return session.lab.steps.find(({ id }) => !done.includes(id)) ?? session.lab.steps.at(-1)!;
};

function afterStep(session: LabSession, step: LabStep, options: RenderOptions): string {
  const { lab } = session;
  const next = lab.steps[lab.steps.indexOf(step) + 1];
  const asked = step.quiz !== undefined && session.progress().answers[step.id] === undefined;
  return [
    '',
    paint(`Step ${lab.steps.indexOf(step) + 1} is done.`, 'green', options),
    ...(asked ? ['', renderQuiz(step, options)] : []),
    '',
    next === undefined ? renderEnd(lab, options) : renderStep(lab, next, options),
  ].join('\n');
}

/** What stands at the end of a lab. */
export function renderEnd(lab: Lab, options: RenderOptions): string {
  const next = lab.next.map((one) => (/^\d\d$/.test(one) ? `unroot lab start ${one}` : one));
  return [
    paint('That was the last step.', 'bold', options),
    '',
    renderMarkdown(lab.explanation, options),
    '',
    '`exit` leaves the node; nothing of it stays.',
    ...(next.length === 0 ? [] : [`After that: ${next.join(', ')}`]),
  ].join('\n');
}

/** The quiz of the step named, of the last one done that has an open question, or of the current one. */
function answer(session: LabSession, named: LabStep, words: readonly string[], options: RenderOptions): Answer {
  const { answers, done } = session.progress();
  const open = session.lab.steps
    .filter(({ id, quiz }) => quiz !== undefined && done.includes(id) && answers[id] === undefined)
    .at(-1);
  // After a wrong answer the same question is meant.
  const last = session.lab.steps.filter(({ id, quiz }) => quiz !== undefined && answers[id] !== undefined).at(-1);
  const step = words.some((word) => word === named.id) ? named : (open ?? (named.quiz === undefined ? last : undefined) ?? named);
  if (step.quiz === undefined) return { text: 'This step asks nothing.', exit: 1 };
  const choice = Number(words.find((word) => /^\d$/.test(word)) ?? 0);
  if (!(choice >= 1 && choice <= step.quiz.choices.length)) return { text: renderQuiz(step, options), exit: 1 };
  const { right, because } = session.answer(step.id, choice - 1);
  const word = right ? 'Right.' : 'No.';
  // Wrapped with the word before it, painted afterwards.
  const text = renderMarkdown(`${word} ${because}`, options).slice(word.length);
  return { text: `${paint(word, right ? 'green' : 'yellow', options)}${text}`, exit: right ? 0 : 1 };
}
