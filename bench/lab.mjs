// `npm run bench:lab`: what issue 6 promises about the workshop in the browser, measured on the built program: how soon a lab can be used, how fast
// keys come back and checks turn green, how big the page is, how much memory an idle server takes. Needs what labs need (root, mmdebstrap, runc);
// with Chromium, keys are measured in the page too. UNROOT_BENCH_CLI names another unroot.js.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import WebSocket from 'ws';

const root = fileURLToPath(new URL('..', import.meta.url));
const cli = process.env.UNROOT_BENCH_CLI ?? join(root, 'dist/unroot.js');
const chromium = process.env.UNROOT_CHROMIUM ?? '/usr/bin/chromium';
const state = mkdtempSync(join(tmpdir(), 'unroot-bench-lab-'));
const ROUNDS = 60;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const worst = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.95)];
const both = (values) => `${median(values).toFixed(1)} ms (95 of 100 within ${worst(values).toFixed(1)} ms)`;
const line = (what, value, goal) => console.log(`${what.padEnd(44)} ${value.padEnd(48)} ${goal}`);

/** Bytes as gzip would send them; what is loaded with the first terminal counts apart. */
function pageBytes() {
  const folder = join(dirname(cli), 'lab');
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  const size = (file) => gzipSync(readFileSync(join(file.parentPath, file.name)), { level: 9 }).length;
  const sum = (some) => some.reduce((total, file) => total + size(file), 0);
  const late = files.filter(({ name }) => name.startsWith('terminal-view'));
  return { first: sum(files.filter((file) => !late.includes(file))), late: sum(late) };
}

const server = spawn(process.execPath, [cli, 'lab', 'serve', '--quiet'], {
  env: { UNROOT_LABS: join(root, 'labs'), ...process.env, XDG_STATE_HOME: state },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const ended = new Promise((resolve) => server.once('exit', resolve));
const url = await new Promise((resolve) => server.stdout.once('data', (text) => resolve(String(text).trim())));
const origin = url.replace(/\/#.*/, '');
const memory = () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))[1]) / 1024;

async function connect() {
  const entered = await fetch(`${origin}/enter`, {
    method: 'POST',
    body: url.replace(/.*#/, ''),
    headers: { 'content-type': 'application/x-unroot-token' },
  });
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/live`, {
    headers: { origin, cookie: entered.headers.get('set-cookie').split(';')[0] },
  });
  const listeners = new Set();
  socket.on('message', (data, binary) => {
    const news = binary
      ? { type: 'output', terminal: data.readUInt16BE(0), text: data.subarray(3).toString('latin1') }
      : JSON.parse(data);
    if (news.type === 'refused') throw new Error(`${news.message}: ${news.hint}`);
    for (const listener of [...listeners]) listener(news);
  });
  await new Promise((resolve) => socket.once('open', resolve));
  const hear = (fits, ms = 120_000) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`nothing heard for ${ms} ms: ${fits}`)), ms);
      const listener = (news) => {
        if (!fits(news)) return;
        clearTimeout(timer);
        listeners.delete(listener);
        resolve(news);
      };
      listeners.add(listener);
    });
  const say = (message) => socket.send(JSON.stringify(message));
  const type = (terminal, text) => socket.send(Buffer.concat([Buffer.from([terminal >> 8, terminal & 255]), Buffer.from(text)]));
  return { hear, say, type, close: () => socket.close() };
}

try {
  const { first, late } = pageBytes();
  line('page before terminals, compressed', `${(first / 1000).toFixed(0)} kB`, 'goal: under 300 kB');
  line('loaded with the first terminal', `${(late / 1000).toFixed(0)} kB`, '');
  await sleep(1500);
  line('memory of the idle server', `${memory().toFixed(0)} MB`, '');

  const page = await connect();
  page.say({ type: 'look', lab: '01', steps: ['start'], world: false, visible: true });
  const start = async () => {
    const prompt = page.hear(({ type, text }) => type === 'output' && /lab(?:\x1b\[[^m]*m)?[#$] /.test(text));
    const began = performance.now();
    page.say({ type: 'ask', id: 1, ask: { kind: 'start', lab: '01' } });
    const { terminal } = await prompt;
    return { terminal, took: (performance.now() - began) / 1000 };
  };
  const once = await start();
  line('first lab: start to prompt', `${once.took.toFixed(1)} s`, 'goal: 10 s with a cached base, 60 s without');
  page.say({ type: 'ask', id: 2, ask: { kind: 'stop', lab: '01' } });
  await page.hear(({ id }) => id === 2);
  const { terminal, took } = await start();
  line('again, with everything cached', `${took.toFixed(1)} s`, '');

  const echoes = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const echo = page.hear(({ type, text }) => type === 'output' && text.includes('x'));
    const began = performance.now();
    page.type(terminal, 'x');
    await echo;
    echoes.push(performance.now() - began);
    page.type(terminal, '\x7f');
    await sleep(40);
  }
  line('key to echo, at the WebSocket', both(echoes), 'goal: 50 ms');

  const greens = [];
  page.say({ type: 'look', lab: '01', steps: ['change'], world: true, visible: true });
  const steps = await new Promise((resolve) => {
    page.hear(({ id }) => id === 3).then(({ value }) => resolve(value.steps));
    page.say({ type: 'ask', id: 3, ask: { kind: 'lab', lab: '01' } });
  });
  // The last step looks at the host's /etc/hosts: it can be made so and undone again and again.
  const last = steps.at(-1).id;
  page.say({ type: 'look', lab: '01', steps: [last], world: true, visible: true });
  await sleep(500);
  const isGreen = (wanted) => (news) => news.type === 'checks' && news.step === last && news.checks[0].green === wanted;
  for (let round = 0; round < 20; round += 1) {
    const green = page.hear(isGreen(true), 10_000);
    const began = performance.now();
    page.type(terminal, "echo '169.254.169.254 example.com' >> /etc/hosts\n");
    await green;
    greens.push(performance.now() - began);
    const red = page.hear(isGreen(false), 10_000);
    page.type(terminal, "sed -i '/169.254/d' /etc/hosts\n");
    await red;
    // In no step with the server's own rhythm.
    await sleep(100 + Math.random() * 400);
  }
  line('Enter to green check', both(greens), 'goal: 300 ms');

  if (existsSync(chromium)) {
    const { chromium: browserType } = await import('playwright-core');
    const browser = await browserType.launch({ executablePath: chromium, args: ['--no-sandbox'] });
    const tab = await browser.newPage();
    await tab.goto(url);
    await tab.click('.card a[href="#/lab/01"]');
    await tab.waitForSelector('.pane .xterm-rows');
    await tab.click('.pane.active .screen');
    await sleep(500);
    const shown = await tab.evaluate(async (rounds) => {
      const rows = document.querySelector('.pane.active .xterm-rows');
      const area = document.querySelector('.pane.active textarea');
      const times = [];
      for (let round = 0; round < rounds; round += 1) {
        const drawn = new Promise((resolve) => {
          const observer = new MutationObserver(() => {
            observer.disconnect();
            resolve();
          });
          observer.observe(rows, { subtree: true, childList: true, characterData: true });
        });
        const began = performance.now();
        area.dispatchEvent(new KeyboardEvent('keypress', { key: 'y', charCode: 121, keyCode: 121, bubbles: true }));
        await drawn;
        times.push(performance.now() - began);
        await new Promise((resolve) => setTimeout(resolve, 120));
      }
      return times;
    }, ROUNDS);
    line('key to letter on the screen, in Chromium', both(shown), 'goal: 50 ms');
    await browser.close();
  }
  line('memory of the server with one lab and a page', `${memory().toFixed(0)} MB`, '');
  page.close();
} finally {
  server.kill('SIGINT');
  await ended;
  rmSync(state, { recursive: true, force: true });
}
