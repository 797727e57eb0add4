/** The workshop's server without a browser: who is let in, what it refuses, and terminals that hold under load. Real sockets, real shells. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { labPlayer } from '../src/lab/serve/play.ts';
import { findPtyMaker } from '../src/lab/serve/pty-maker.ts';
import { createScrollback } from '../src/lab/serve/scrollback.ts';
import { type LabServer, serveLabs } from '../src/lab/serve/serve.ts';
import { startTerminal, type Viewer } from '../src/lab/serve/terminal.ts';
import { freshDist } from './support/build.ts';

const labs = fileURLToPath(new URL('../labs', import.meta.url));

describe('who is let in', () => {
  let server: LabServer;
  let state: string;
  let cookie: string;
  const token = (): string => server.url.replace(/.*#/, '');

  /** A request exactly as given: no client adds or mends a header. */
  const ask = (
    path: string,
    headers: Record<string, string> = {},
    { method = 'GET', body = '' }: { method?: string; body?: string } = {},
  ): Promise<{ status: number; headers: Record<string, string | string[] | undefined>; text: string }> =>
    new Promise((resolve, reject) => {
      const call = request({ host: '127.0.0.1', port: server.port, path, method, headers, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      });
      call.on('error', reject);
      call.end(body);
    });
  const type = { 'content-type': 'application/x-unroot-token' };
  const enter = (headers: Record<string, string> = {}, body = token()) =>
    ask('/enter', { ...type, ...headers }, { method: 'POST', body });

  /** Opens a WebSocket; resolves with the status it was refused with, or 101. */
  const knock = (headers: Record<string, string>, path = '/live'): Promise<{ status: number; socket: WebSocket }> =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`, { headers });
      socket.on('open', () => resolve({ status: 101, socket }));
      socket.on('unexpected-response', (_, response) => {
        resolve({ status: response.statusCode ?? 0, socket });
        socket.terminate();
      });
      socket.on('error', (error) => {
        if (!/Unexpected server response|before the connection/.test(error.message)) reject(error);
      });
    });
  const own = (): Record<string, string> => ({ origin: `http://127.0.0.1:${server.port}`, cookie });
  const closed = (socket: WebSocket): Promise<number> => new Promise((resolve) => socket.on('close', (code) => resolve(code)));

  beforeAll(async () => {
    state = mkdtempSync(join(tmpdir(), 'unroot-serve-'));
    const program = dirname(freshDist());
    server = await serveLabs({
      port: 0,
      page: join(program, 'lab'),
      version: 'test',
      player: labPlayer(labs, { stateFolder: state, program }),
    });
    cookie = String((await enter()).headers['set-cookie']).split(';')[0] ?? '';
  });
  afterAll(async () => {
    await server.close();
    rmSync(state, { recursive: true, force: true });
  });

  it('listens on 127.0.0.1 and nowhere else', () => {
    const run = spawnSync('ss', ['-Hltn', `sport = :${server.port}`], { encoding: 'utf8' });
    expect(run.stdout.trim().split('\n')).toHaveLength(1);
    expect(run.stdout).toContain(`127.0.0.1:${server.port}`);
  });

  it('serves the page with a strict policy and no address handed on', async () => {
    const page = await ask('/');
    expect(page.status).toBe(200);
    const policy = String(page.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:|data:/);
    expect(page.headers['referrer-policy']).toBe('no-referrer');
    expect(page.headers['x-content-type-options']).toBe('nosniff');
    // Nothing inline, nothing from elsewhere.
    expect(page.text).not.toMatch(/<script(?![^>]*\bsrc=")|<style|\sstyle=|\son\w+=|(?:src|href)="(?:https?:)?\/\//);
    for (const [, asset] of page.text.matchAll(/(?:src|href)="\.\/([^"]+)"/g)) {
      const answer = await ask(`/${asset}`);
      expect(answer.status, asset).toBe(200);
      expect(answer.headers['cache-control'], asset).toContain('immutable');
    }
  });

  it.each([
    ['another name', { host: 'example.com' }],
    ['a name that was made to point here', { host: 'lab.example.com:80' }],
    ['our name with another port', { host: '127.0.0.1:1' }],
    ['another origin', { origin: 'https://example.com' }],
    ['an opaque origin', { origin: 'null' }],
    ['our own address on another port', { origin: 'http://127.0.0.1:1' }],
  ])('refuses %s, over HTTP and WebSocket, whatever cookie comes along', async (_, headers) => {
    expect((await ask('/', headers)).status).toBe(403);
    expect((await enter(headers)).status).toBe(403);
    expect((await knock({ ...own(), ...headers })).status).toBe(403);
  });

  it('exchanges the right token, and no other, for a cookie that scripts and other sites do not get', async () => {
    const right = await enter();
    expect(right.status).toBe(204);
    expect(String(right.headers['set-cookie'])).toMatch(/^unroot-lab-\d+=[\w-]{32}; HttpOnly; SameSite=Strict; Path=\/$/);
    expect(String(right.headers['set-cookie'])).not.toContain(token());
    expect((await enter({}, 'wrong')).status).toBe(401);
    expect((await enter({}, token().slice(0, -1))).status).toBe(401);
    // Refused while it still comes: the connection may break before the answer is read.
    expect(
      await enter({}, 'x'.repeat(100_000)).then(
        ({ status }) => status,
        (error: Error) => error.message,
      ),
    ).toSatisfy((end: unknown) => end === 413 || /ECONNRESET|EPIPE|hang up/.test(String(end)));
    // What a form of another page could send without asking.
    expect((await enter({ 'content-type': 'text/plain' })).status).toBe(400);
    expect((await ask(`/?token=${token()}`, {})).headers['set-cookie']).toBeUndefined();
    expect((await ask('/enter', { cookie })).status).toBe(204);
    expect((await ask('/enter', {})).status).toBe(401);
  });

  it('opens the WebSocket to its own page with the cookie only', async () => {
    expect((await knock({ origin: own().origin ?? '' })).status).toBe(401);
    expect((await knock({ ...own(), cookie: cookie.replace(/=.*/, '=wrong') })).status).toBe(401);
    expect((await knock({ cookie })).status).toBe(403);
    expect((await knock(own(), '/other')).status).toBe(404);
    const { status, socket } = await knock(own());
    expect(status).toBe(101);
    socket.close();
  });

  it.each([
    '/../package.json',
    '/..%2fpackage.json',
    '/assets/../../unroot.js',
    '//etc/passwd',
    '/.hidden.js',
    '/assets',
    '/unroot.js',
    '/a/b/c/d.js',
  ])('has no file %s', async (path) => {
    expect((await ask(path)).status).toBe(404);
  });

  it('closes on words it does not know and on messages that are too long', async () => {
    const words = [
      '{',
      '[]',
      '{"type":"ask","id":-1,"ask":{}}',
      '{"type":"look","visible":"yes"}',
      '{"type":"size","terminal":1e9}',
    ];
    for (const text of [...words, '{"type":"ask","id":1,"ask":{"kind":"constructor","lab":"01"}}']) {
      const { socket } = await knock(own());
      socket.send(text);
      expect(await closed(socket), text).toBe(1008);
    }
    const { socket } = await knock(own());
    socket.send('x'.repeat(70_000));
    expect(await closed(socket)).toBe(1009);
  });

  it('listens more slowly to whoever says too much, and forgets nothing', async () => {
    const { socket } = await knock(own());
    const answers: number[] = [];
    const all = new Promise<void>((resolve) =>
      socket.on('message', (data) => {
        const news = JSON.parse(String(data)) as { type: string; id?: number };
        if (news.id === undefined) return;
        answers.push(news.id);
        if (answers.length === 1000) resolve();
      }),
    );
    const began = performance.now();
    for (let id = 1; id <= 1000; id += 1)
      socket.send(JSON.stringify({ type: 'ask', id, ask: { kind: 'lab', lab: id % 2 ? 'no-such' : '01' } }));
    await all;
    expect(new Set(answers).size).toBe(1000);
    // 400 a second.
    expect(performance.now() - began).toBeGreaterThan(1500);
    socket.close();
  });

  it('gives away no right answer, hint or solution before somebody asks', async () => {
    const { socket } = await knock(own());
    const answer = new Promise<string>((resolve) =>
      socket.on('message', (data) => String(data).includes('"answered"') && resolve(String(data))),
    );
    socket.send(JSON.stringify({ type: 'ask', id: 7, ask: { kind: 'lab', lab: '01' } }));
    const text = await answer;
    const { steps } = (JSON.parse(text) as { value: { steps: Record<string, unknown>[] } }).value;
    expect(steps.length).toBeGreaterThan(1);
    expect(text).not.toMatch(/"(?:because|right|solution|wrong)":/);
    expect(typeof steps[0]?.hints).toBe('number');
    socket.close();
  });

  it('takes no more than sixteen pages', async () => {
    server.cut();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const open = await Promise.all(Array.from({ length: 16 }, () => knock(own())));
    expect(open.every(({ status }) => status === 101)).toBe(true);
    expect((await knock(own())).status).toBe(503);
    for (const { socket } of open) socket.terminate();
  });
});

describe.each(['node-pty', 'script'] as const)('terminals through %s', async (kind) => {
  const maker = await findPtyMaker(kind).catch((error: Error) => error);
  const missing =
    maker instanceof Error ? `${maker.message}: ${kind === 'script' ? 'apt-get install -y bsdutils' : 'npm ci'}` : undefined;
  if (maker instanceof Error) {
    console.warn(`SKIPPED: terminals: ${missing}`);
    it.skip(`terminals: ${missing}`);
    return;
  }

  const shell = (line: string, cols = 80): { terminal: ReturnType<typeof startTerminal>; ended: Promise<string> } => {
    let tell: (how: string) => void = () => {};
    const ended = new Promise<string>((resolve) => {
      tell = resolve;
    });
    const command = { file: 'sh', args: ['-c', line], env: { PATH: process.env.PATH ?? '', TERM: 'xterm' }, cols, rows: 24 };
    const terminal = startTerminal(7, 'test', 'host', maker, command, {
      onChange: () => {
        const how = terminal.info().ended;
        if (how !== undefined) tell(how);
      },
      onOutput: () => {},
    });
    return { terminal, ended };
  };
  const viewer = (): Viewer & { text: string; bytes: number; frames: number[] } => {
    const one = {
      text: '',
      bytes: 0,
      frames: [] as number[],
      send(message: Uint8Array) {
        expect([message[0], message[1]]).toEqual([0, 7]);
        one.frames.push(message[2] ?? -1);
        const piece = Buffer.from(message.subarray(3));
        one.bytes += piece.length;
        one.text = (message[2] === 1 ? '' : one.text) + piece.toString('latin1').slice(-5000);
      },
    };
    return one;
  };
  const until = async (done: () => boolean): Promise<void> => {
    for (let tries = 0; tries < 500 && !done(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(done()).toBe(true);
  };

  it('are real ones: size, resize, keys, end', async () => {
    const { terminal, ended } = shell('stty size; tty; while read -r word; do echo "got $word"; stty size; done; exit 3', 101);
    const one = viewer();
    terminal.attach(one);
    await until(() => /24 101/.test(one.text) && /\/dev\/pts\/\d/.test(one.text));
    terminal.resize(66, 33);
    await until(() => {
      terminal.type(Buffer.from('size\n'));
      return /33 66/.test(one.text);
    });
    expect(terminal.info()).toMatchObject({ cols: 66, rows: 33 });
    terminal.resize(0, 1e9);
    expect(terminal.info()).toMatchObject({ cols: 20, rows: 200 });
    terminal.type(Buffer.from('grüße\n'));
    await until(() => Buffer.from(one.text, 'latin1').includes('got grüße'));
    terminal.type(Buffer.from([4]));
    expect(await ended).toBe('exit 3');
  });

  it('show what was there to whoever comes later', async () => {
    const { terminal } = shell('for i in 1 2 3; do echo "line $i"; done; sleep 60');
    const first = viewer();
    terminal.attach(first);
    await until(() => first.text.includes('line 3'));
    const second = viewer();
    terminal.attach(second);
    expect(second.frames).toEqual([1]);
    expect(second.text).toContain('line 1\r\nline 2\r\nline 3');
    terminal.end();
  });

  it('hold a flood back until it is drawn, and one slow page holds up no other', async () => {
    const { terminal } = shell('yes 0123456789');
    const deaf = viewer();
    terminal.attach(deaf);
    await until(() => deaf.bytes > 256 * 1024);
    await new Promise((resolve) => setTimeout(resolve, 600));
    const got = deaf.bytes;
    // The window, and what was under way when it was full.
    expect(got).toBeLessThan(1_200_000);
    const quick = viewer();
    const drawing = setInterval(() => terminal.drawn(quick, 1e9), 1);
    terminal.attach(quick);
    await until(() => quick.bytes > 3_000_000);
    clearInterval(drawing);
    expect(deaf.bytes).toBeLessThan(got + 1_200_000);
    // It draws at last: everything kept comes anew.
    const frames = deaf.frames.length;
    terminal.drawn(deaf, 1e9);
    await until(() => deaf.frames.slice(frames).includes(1));
    terminal.end();
  });

  it('end what runs in them', async () => {
    const { terminal, ended } = shell('sleep 987654');
    await new Promise((resolve) => setTimeout(resolve, 300));
    terminal.end();
    expect(await ended).toMatch(/killed|exit/);
    await until(() => spawnSync('pgrep', ['-f', '^sleep 987654$']).status === 1);
  });
});

describe('scrollback', () => {
  it('keeps the end, from the beginning of a line', () => {
    const kept = createScrollback(1000);
    for (let line = 0; line < 5000; line += 1) kept.add(Buffer.from(`line ${line} ü\n`));
    const text = kept.all().toString('utf8');
    expect(text).toMatch(/^line \d+ ü\n/);
    expect(text.endsWith('line 4999 ü\n')).toBe(true);
    expect(text.length).toBeGreaterThan(900);
    expect(text.length).toBeLessThan(2100);
  });
});

describe('unroot lab serve', () => {
  const serve = async (...args: string[]): Promise<{ child: ChildProcess; out: string; ended: Promise<number | null> }> => {
    const home = mkdtempSync(join(tmpdir(), 'unroot-serve-home-'));
    homes.push(home);
    const child = spawn(process.execPath, [freshDist(), 'lab', 'serve', '--labs', labs, ...args], {
      env: { ...process.env, XDG_STATE_HOME: home },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    let out = '';
    await new Promise<void>((resolve) => {
      for (const stream of [child.stdout, child.stderr])
        stream?.on('data', (text) => {
          out += text;
          if (/#[\w-]{32}\s/.test(out)) resolve();
        });
      child.once('exit', () => resolve());
    });
    return { child, out, ended };
  };
  const homes: string[] = [];
  const children: ChildProcess[] = [];
  afterAll(() => {
    // Those of tests that failed half way.
    for (const child of children) child.kill('SIGKILL');
    for (const home of homes) rmSync(home, { recursive: true, force: true });
  });

  it('prints an address of this machine with a new secret each time, and ends well on Ctrl-C', async () => {
    const first = await serve('--quiet');
    const second = await serve();
    expect(first.out).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#[\w-]{32}\n$/);
    expect(second.out).toContain('http://127.0.0.1:');
    expect(/#(.*)/.exec(first.out)?.[1]).not.toBe(/#(.*)/.exec(second.out)?.[1]);
    first.child.kill('SIGINT');
    second.child.kill('SIGTERM');
    // As every command that is interrupted.
    expect(await first.ended).toBe(130);
    expect(await second.ended).toBe(130);
  });

  it('says what is wrong with a port', async () => {
    const first = await serve('--quiet');
    const port = /:(\d+)\//.exec(first.out)?.[1] ?? '';
    const second = await serve('--port', port);
    expect(await second.ended).toBe(2);
    expect(second.out).toMatch(new RegExp(`Nothing can listen on 127\\.0\\.0\\.1:${port}`));
    const third = await serve('--port', '70000');
    expect(await third.ended).toBe(2);
    expect(third.out).toContain('--port 70000 is no port');
    first.child.kill('SIGINT');
    expect(await first.ended).toBe(130);
  });

  const missing =
    process.getuid?.() === 0 && spawnSync('mmdebstrap', ['--version']).status === 0 ? undefined : 'labs need root and mmdebstrap';
  if (missing !== undefined) console.warn(`SKIPPED: no lab can run: ${missing}: apt-get install -y mmdebstrap`);

  it.skipIf(missing !== undefined).each(['SIGINT', 'SIGKILL'] as const)(
    'leaves nothing of a running lab behind after %s',
    async (signal) => {
      const { child, out, ended } = await serve('--quiet');
      const origin = out.replace(/\/#.*\s*/, '');
      const entered = await fetch(`${origin}/enter`, {
        method: 'POST',
        body: out.trim().replace(/.*#/, ''),
        headers: { 'content-type': 'application/x-unroot-token' },
      });
      const cookie = String(entered.headers.get('set-cookie')).split(';')[0] ?? '';
      const socket = new WebSocket(`${origin.replace('http', 'ws')}/live`, { headers: { origin, cookie } });
      await new Promise((resolve) => socket.on('open', resolve));
      const word = `31${process.pid}`;
      let typed = false;
      const started = new Promise<void>((resolve, reject) =>
        socket.on('message', (data, binary) => {
          const bytes = data as Buffer;
          if (binary && !typed && bytes.subarray(3).includes('# ')) {
            typed = true;
            socket.send(Buffer.concat([bytes.subarray(0, 2), Buffer.from(`sleep ${word} & setsid sleep ${word}\n`)]));
            resolve();
          } else if (!binary && String(data).includes('"refused"')) reject(new Error(String(data)));
        }),
      );
      socket.send(JSON.stringify({ type: 'look', lab: '01', visible: true }));
      socket.send(JSON.stringify({ type: 'ask', id: 1, ask: { kind: 'start', lab: '01' } }));
      await started;
      const running = (): string => spawnSync('pgrep', ['-f', `^sleep ${word}$`], { encoding: 'utf8' }).stdout.trim();
      await expect.poll(() => running().split('\n').length, { timeout: 20_000 }).toBe(2);
      child.kill(signal);
      expect(await ended).toBe(signal === 'SIGINT' ? 130 : null);
      await expect.poll(running, { timeout: 20_000 }).toBe('');
      socket.terminate();
    },
  );
});
