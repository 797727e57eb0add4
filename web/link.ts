/** The connection to the server: one WebSocket, opened again when it breaks, questions by number. */
import { type Answers, type Ask, type FromPage, type FromServer, MAX_MESSAGE, OUTPUT } from '../src/lab/serve/protocol.ts';
import { get, say, set } from './store.ts';
import { dropViews, output, terminalsChanged } from './views.ts';

let socket: WebSocket | undefined;
let run: string | undefined;
let number = 0;
let failures = 0;
let lastHeard = 0;
let look: FromPage & { type: 'look' } = { type: 'look', visible: true };
const waiting = new Map<number, { done: (value: unknown) => void; failed: (error: Error) => void }>();

export class Refused extends Error {
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

function send(message: FromPage): boolean {
  if (socket?.readyState !== WebSocket.OPEN) return false;
  socket.send(JSON.stringify(message));
  return true;
}

/** Asks the server; rejects with {@link Refused}. */
export function ask<A extends Ask>(what: A): Promise<Answers[A['kind']]> {
  number += 1;
  const id = number;
  return new Promise((done, failed) => {
    waiting.set(id, { done: done as (value: unknown) => void, failed });
    if (send({ type: 'ask', id, ask: what })) return;
    waiting.delete(id);
    failed(new Refused('There is no connection to the server'));
  });
}

/** As {@link ask}; trouble goes to the status line. Undefined = it was refused. */
export async function tryAsk<A extends Ask>(what: A): Promise<Answers[A['kind']] | undefined> {
  try {
    return await ask(what);
  } catch (error) {
    const { message, hint } = error as Refused;
    say(hint === undefined ? message : `${message}: ${hint}`, true);
    return undefined;
  }
}

/** What is on the screen, so that the server looks at that only. */
export function lookAt(next: Omit<FromPage & { type: 'look' }, 'type'>): void {
  const message = { type: 'look', ...next } as const;
  if (JSON.stringify(message) === JSON.stringify(look)) return;
  look = message;
  send(look);
}

/** What somebody typed: two bytes terminal, then the bytes, in pieces the server takes. */
export function type(terminal: number, text: string | Uint8Array): void {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  const most = MAX_MESSAGE / 4;
  for (let at = 0; at < bytes.length; at += most) {
    const piece = bytes.subarray(at, at + most);
    const message = new Uint8Array(2 + piece.length);
    message[0] = terminal >> 8;
    message[1] = terminal & 255;
    message.set(piece, 2);
    if (socket?.readyState === WebSocket.OPEN) socket.send(message);
  }
}

export const sendSize = (terminal: number, cols: number, rows: number): void => void send({ type: 'size', terminal, cols, rows });
export const sendDrawn = (terminal: number, bytes: number): void => void send({ type: 'drawn', terminal, bytes });

const tokenInAddress = (): string | undefined => /^#([\w-]{20,100})$/.exec(location.hash)?.[1];

// The address of another run of the server, opened where this page is: only what stands behind its # differs, so nothing is loaded anew.
addEventListener('hashchange', () => {
  if (tokenInAddress() === undefined) return;
  const old = socket;
  socket = undefined;
  old?.close();
  void connect();
});

/** The token behind `#` is exchanged for a cookie and taken out of the address. */
async function enter(): Promise<boolean> {
  const token = tokenInAddress();
  if (token === undefined) return (await fetch('enter', { credentials: 'same-origin' })).ok;
  history.replaceState(null, '', '#/');
  const answer = await fetch('enter', { method: 'POST', body: token, headers: { 'content-type': 'application/x-unroot-token' } });
  return answer.ok;
}

/** Opens the connection and keeps it. */
export async function connect(): Promise<void> {
  try {
    if (!(await enter())) return set({ link: 'stranger' });
  } catch {
    return later();
  }
  const fresh = new WebSocket(`ws://${location.host}/live`);
  fresh.binaryType = 'arraybuffer';
  socket = fresh;
  lastHeard = Date.now();
  fresh.onopen = () => {
    failures = 0;
  };
  fresh.onmessage = ({ data }) => {
    lastHeard = Date.now();
    if (typeof data === 'string') heard(JSON.parse(data) as FromServer);
    else {
      const bytes = new Uint8Array(data as ArrayBuffer);
      output(((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0), bytes[2] === OUTPUT.all, bytes.subarray(3));
    }
  };
  fresh.onclose = () => {
    if (socket !== fresh) return;
    socket = undefined;
    for (const { failed } of waiting.values()) failed(new Refused('The connection was lost'));
    waiting.clear();
    later();
  };
}

/** Half a second, then longer, at most five: whoever comes back from sleep should not wait. */
function later(): void {
  failures += 1;
  const seconds = Math.min(5, 0.5 * failures);
  set({ link: failures > 60 ? 'gone' : 'lost', retryIn: seconds });
  setTimeout(() => void connect(), seconds * 1000);
}

// The server says something every three seconds: when it does not, the connection is dead although nobody closed it.
setInterval(() => {
  if (socket !== undefined && Date.now() - lastHeard > 9000) socket.close();
}, 1000);

function heard(news: FromServer): void {
  switch (news.type) {
    case 'hello':
      // Another run of the server: its terminals have other numbers.
      if (run !== undefined && run !== news.run) dropViews();
      run = news.run;
      set({ link: 'connected', version: news.version, broken: news.broken ?? [] });
      send(look);
      return;
    case 'answered':
      waiting.get(news.id)?.done(news.value);
      waiting.delete(news.id);
      return;
    case 'refused':
      waiting.get(news.id)?.failed(new Refused(news.message, news.hint));
      waiting.delete(news.id);
      return;
    case 'labs':
      set({ labs: news.labs });
      return;
    case 'room':
      if (news.lab === look.lab) set({ room: news, ...(news.state === 'ready' ? {} : { checks: {}, world: undefined }) });
      return;
    case 'progress':
      if (news.progress.lab === look.lab) set({ progress: news.progress, opened: news.opened });
      return;
    case 'checks':
      checksCame(news);
      return;
    case 'terminals':
      if (news.lab !== look.lab) return;
      terminalsChanged(news.terminals);
      set({ terminals: news.terminals });
      return;
    case 'world':
      if (news.lab === look.lab) set({ world: news.world });
      return;
    case 'beat':
      send({ type: 'beat' });
  }
}

function checksCame({ lab, step, checks }: FromServer & { type: 'checks' }): void {
  if (lab !== look.lab) return;
  const before = get().checks[step] ?? [];
  set({ checks: { ...get().checks, [step]: checks } });
  const turned = checks.filter(({ green, says }, index) => green && before[index]?.green === false && says !== '');
  const lost = checks.filter(({ green }, index) => !green && before[index]?.green === true);
  if (turned.length > 0) say(`Check passed: ${turned.map(({ says }) => says).join('; ')}`);
  else if (lost.length > 0) say(`No longer so: ${lost.map(({ says }) => says).join('; ')}`);
}
