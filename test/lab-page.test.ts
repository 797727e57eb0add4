/**
 * The workshop's page in a real Chromium: a learner's way through labs 01, 02, 09, 15 and 06 by keyboard, reload in the middle, two pages at once, a lost
 * connection, a phone; what the policy or a script complains of fails the test.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findLabs } from '../src/lab/find-labs.ts';
import { missingFor } from '../src/lab/needs.ts';
import { labPlayer } from '../src/lab/serve/play.ts';
import { type LabServer, serveLabs } from '../src/lab/serve/serve.ts';
import { freshDist } from './support/build.ts';

interface Axe {
  run(
    node: Document,
    options: object,
  ): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }>;
}

const labs = fileURLToPath(new URL('../labs', import.meta.url));
const axeFile = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const CHROMIUM = process.env.UNROOT_CHROMIUM ?? '/usr/bin/chromium';

const missing = await (async (): Promise<string | undefined> => {
  if (!existsSync(CHROMIUM)) return `no ${CHROMIUM}: apt-get install -y chromium`;
  const lacks = (
    await Promise.all(
      findLabs(labs)
        .slice(0, 2)
        .map(({ lab }) => missingFor(lab)),
    )
  ).flat();
  return lacks.length === 0 ? undefined : lacks.map(({ why, get }) => `${why}: ${get}`).join('; ');
})();

if (missing !== undefined) console.warn(`SKIPPED: the page of the workshop: ${missing}`);
if (!existsSync(CHROMIUM)) console.warn(`SKIPPED: no ${CHROMIUM}: apt-get install -y chromium`);

describe.skipIf(missing !== undefined)('the page of the workshop', () => {
  let server: LabServer;
  let browser: Browser;
  let context: BrowserContext;
  let state: string;
  const complaints: string[] = [];
  const expected: RegExp[] = [];

  beforeAll(async () => {
    state = mkdtempSync(join(tmpdir(), 'unroot-page-'));
    const program = dirname(freshDist());
    server = await serveLabs({
      port: 0,
      page: join(program, 'lab'),
      version: 'test',
      player: labPlayer(labs, { stateFolder: state, program }),
    });
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
    context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  });
  afterEach(() => {
    const left = complaints.filter((one) => !expected.some((pattern) => pattern.test(one)));
    complaints.length = 0;
    expected.length = 0;
    expect(left).toEqual([]);
  });
  afterAll(async () => {
    await browser.close();
    await server.close();
    rmSync(state, { recursive: true, force: true });
  });

  /** A page that reports everything it complains of: violations of the policy, errors, requests that fail or go elsewhere. */
  const newPage = async (where: BrowserContext = context): Promise<Page> => {
    const page = await where.newPage();
    page.setDefaultTimeout(30_000);
    page.on('console', (message) => {
      // xterm.js says so where the machine is busy with others.
      if (/^task queue exceeded allotted deadline/.test(message.text())) return;
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(`http://127.0.0.1:${server.port}/`)) complaints.push(`asked for ${request.url()}`);
      const { referer } = request.headers();
      if (referer !== undefined && referer !== '') complaints.push(`told ${referer} to ${request.url()}`);
    });
    await page.goto(server.url);
    await page.waitForSelector('.card');
    return page;
  };
  const goTo = async (page: Page, lab: string): Promise<void> => {
    await page.click(`.card a[href="#/lab/${lab}"]`);
    await page.waitForSelector('.step');
  };
  const start = async (page: Page): Promise<void> => {
    await page.click('.text .start button');
    // The first lab of a machine builds its Debian.
    await page.waitForSelector('.pane .xterm', { timeout: 240_000 });
    await prompt(page);
  };
  /** What the terminals of the page show. */
  const screen = (page: Page, pane = '.pane.active'): Promise<string> =>
    page.evaluate((where) => document.querySelector(`${where} .xterm-rows`)?.textContent ?? '', pane);
  const shows = async (page: Page, text: RegExp, pane = '.pane.active'): Promise<void> => {
    await expect.poll(() => screen(page, pane), { timeout: 30_000, interval: 50 }).toMatch(text);
  };
  const prompt = (page: Page): Promise<void> => shows(page, /[#$]\s*$/);
  /** Types a line as a learner does. */
  const type = async (page: Page, line: string): Promise<void> => {
    await page.keyboard.type(line);
    await page.keyboard.press('Enter');
  };
  const done = (page: Page, count: number, timeout = 30_000): Promise<unknown> =>
    page.waitForFunction((number) => document.querySelectorAll('.step.done').length >= number, count, { timeout });
  const answerRightly = async (page: Page, lab: string, step: number): Promise<void> => {
    const quiz = findLabs(labs).find((one) => one.lab.id === lab)?.lab.steps[step]?.quiz;
    if (quiz === undefined) return;
    const item = page.locator('.step').nth(step);
    if ((await item.locator('.body').count()) === 0) await item.locator('h2 button').click();
    await item
      .locator('.quiz label')
      .nth(quiz.choices.findIndex(({ right }) => right))
      .click();
    await item.locator('.quiz > button').click();
    await item.locator('.verdict.right').waitFor();
  };
  /** The commands a step's solution consists of, to be typed. */
  const solutionOf = (lab: string, step: number): string =>
    findLabs(labs).find((one) => one.lab.id === lab)?.lab.steps[step]?.solution ?? '';
  const noWiderThan = async (page: Page): Promise<void> =>
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  /** What axe-core finds wrong with the page as it is. */
  const accessible = async (page: Page): Promise<void> => {
    // As the debugger would, which the page's policy does not hold for: it forbids other scripts, and is itself tried here.
    await page.evaluate(readFileSync(axeFile, 'utf8'));
    const problems = await page.evaluate(async () => {
      const { axe } = globalThis as unknown as { axe: Axe };
      const { violations } = await axe.run(document, { resultTypes: ['violations'] });
      return violations.map(
        ({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html.slice(0, 160)} ${node.failureSummary}`).join(' | ')}`,
      );
    });
    expect(problems).toEqual([]);
  };

  let page: Page;

  it('takes the token out of the address and keeps it out', async () => {
    page = await newPage();
    expect(page.url()).not.toContain(server.url.replace(/.*#/, ''));
    expect(await page.evaluate(() => document.cookie)).toBe('');
    expect(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))).not.toContain(
      server.url.replace(/.*#/, ''),
    );
  });

  it('lets nobody in without it', async () => {
    const stranger = await browser.newContext();
    const other = await stranger.newPage();
    await other.goto(`http://127.0.0.1:${server.port}/`);
    await other.waitForSelector('.alone');
    expect(await other.textContent('.alone')).toContain('unroot lab serve');
    await stranger.close();
  });

  it('shows every lab, with what it takes', async () => {
    const all = findLabs(labs);
    expect(await page.locator('.card').count()).toBe(all.length);
    for (const { lab } of all.slice(0, 2)) expect(await page.textContent('.cards')).toContain(lab.title);
  });

  it('takes a learner through lab 01, typing, with checks that turn green by themselves', async () => {
    await goTo(page, '01');
    expect(await page.locator('.step .light .icon').count()).toBe(0);
    await start(page);
    const steps = findLabs(labs).find(({ lab }) => lab.id === '01')?.lab.steps ?? [];
    for (const [index] of steps.entries()) {
      await page.click('.pane.active .screen');
      // Backgrounded commands in a subshell of their own would die with it: the lines are typed as they stand.
      for (const line of solutionOf('01', index).trim().split('\n')) await type(page, line);
      await done(page, index + 1);
      await answerRightly(page, '01', index);
    }
    await page.waitForSelector('.finish');
    expect(await page.textContent('.finish')).toContain('Finished');
    // It was told, not only shown.
    expect(await page.locator('[aria-live]').count()).toBeGreaterThan(0);
  });

  it('keeps the place in the text over a reload: the same step open, the same lines in view', async () => {
    const place = (): Promise<readonly [number, string]> =>
      page.evaluate(() => [
        document.getElementById('text')?.scrollTop ?? 0,
        document.querySelector('.step.open h2')?.textContent ?? '',
      ]);
    await page.locator('.step').nth(1).locator('h2 button').click();
    await page.waitForTimeout(800);
    await page.evaluate(() => document.getElementById('text')?.scrollBy(0, 120));
    await page.waitForTimeout(400);
    const [top, open] = await place();
    expect(top).toBeGreaterThan(200);
    await page.reload();
    await page.waitForSelector('.step.open');
    await page.waitForSelector('.finish');
    await expect.poll(async () => Math.abs((await place())[0] - top)).toBeLessThan(60);
    expect((await place())[1]).toBe(open);
  });

  it('keeps shells, screen and progress over a reload', async () => {
    await page.click('.pane.active .screen');
    await type(page, 'kept=before-reload; echo "said $kept"');
    await shows(page, /said before-reload/);
    await page.reload();
    await page.waitForSelector('.finish');
    await page.waitForSelector('.pane .xterm');
    await shows(page, /said before-reload/);
    await page.click('.pane.active .screen');
    await type(page, 'echo "still $kept"');
    await shows(page, /still before-reload/);
  });

  /** Cut off, told so, and back again. */
  const loseConnection = async (): Promise<void> => {
    expected.push(/WebSocket|ERR_CONNECTION/);
    await page.evaluate(() => {
      const seen: string[] = [];
      Object.assign(globalThis, { seen });
      new MutationObserver(() => seen.push(document.querySelector('.connection')?.textContent ?? '')).observe(document.body, {
        subtree: true,
        childList: true,
        characterData: true,
      });
    });
    server.cut();
    await page.waitForFunction(() =>
      (globalThis as unknown as { seen: string[] }).seen.some((text) => text.includes('Connection lost')),
    );
    await page.waitForFunction(() => document.querySelector('.connection')?.textContent === '');
  };

  it('survives a lost connection, says so, and goes on', async () => {
    await loseConnection();
    await page.click('.pane.active .screen');
    await type(page, 'echo "after $kept"');
    await shows(page, /after before-reload/);
  });

  it('shows the same on two pages, typed on either', async () => {
    const second = await newPage();
    await goTo(second, '01');
    await second.waitForSelector('.pane .xterm');
    await shows(second, /after before-reload/);
    await second.bringToFront();
    await second.click('.pane.active .screen');
    await type(second, 'echo from-the-$((1+1))nd');
    await shows(second, /from-the-2nd/);
    await shows(page, /from-the-2nd/);
    await second.close();
    await page.bringToFront();
  });

  it('opens a shell inside the container beside the one on the host, and pictures show both sides', async () => {
    await page.click('.pane.active .screen');
    await type(page, 'pgrep -f "^sleep infinity" >/dev/null || unroot run debian -- sleep infinity &');
    await page.waitForSelector('.pictures .tie', { state: 'attached' });
    await page
      .locator('.bar button', { hasText: 'Inside' })
      .click({ timeout: 5000 })
      .catch(() => page.selectOption('.bar select', { index: 1 }));
    await page.waitForSelector('.panes.two');
    await shows(page, /[#$]\s*$/, '#pane-1');
    await page.click('#pane-1 .screen');
    await type(page, 'echo "I am pid $(cut -d" " -f1 /proc/1/stat) of $(cat /proc/1/comm)"');
    await shows(page, /I am pid 1 of sleep/, '#pane-1');
    expect(await page.getAttribute('.pictures svg.drawing', 'aria-label')).toMatch(
      /inside the container pid 1 with uid 0, on the host pid \d+ with uid 0/,
    );
  });

  it('resets in place: fresh machine, progress kept', async () => {
    await page.click('.top button[aria-label="Reset"]');
    await page.click('.top button.sure');
    await page.waitForFunction(
      () => document.querySelectorAll('[role="tablist"] .host').length === 1 && document.querySelector('.pane .xterm') !== null,
    );
    await prompt(page);
    await page.click('.pane.active .screen');
    await type(page, 'echo "kept is <$kept>"');
    await shows(page, /kept is <>/);
    expect(await page.locator('.finish').count()).toBe(1);
    await page.click('.top button[aria-label="Stop"]');
    await page.click('.top button.sure');
    await page.waitForSelector('.text .start button');
  });

  it('takes a learner through lab 02, with hints, a solution shown, one step done for them, and pictures', async () => {
    await page.click('.back');
    await page.waitForSelector('.card.finished');
    await goTo(page, '02');
    await start(page);
    await page.locator('.step.open .help button', { hasText: 'Hint' }).click();
    await page.waitForSelector('.step.open .hint');
    await page.locator('.step.open .help button', { hasText: 'Show the solution' }).click();
    expect((await page.textContent('.step.open .solution pre'))?.trim()).toBe(solutionOf('02', 0).trim());
    await page.click('.pane.active .screen');
    for (const line of solutionOf('02', 0).trim().split('\n')) await type(page, line);
    await done(page, 1);

    await page.click('#picture-tab-walk');
    await page.waitForSelector('.walk .no');
    expect(await page.getAttribute('svg.walk', 'aria-label')).toMatch(
      /uid 4242.*wants to append \/host\/etc\/hosts: EACCES.*the group bits count, needs w, says no/,
    );
    await page.click('#picture-tab-capabilities');
    await page.waitForSelector('svg.capabilities');
    expect(await page.getAttribute('svg.capabilities', 'aria-label')).toMatch(
      /CapEff empty, CapBnd chown .*After executing .*dash: uid 4242/,
    );
    await page.click('#picture-tab-layers');
    await page.waitForSelector('svg.layers');
    expect(await page.getAttribute('svg.layers', 'aria-label')).toMatch(/Image debian, \d+ MB.*Layer 1: .*owners 0:0/);

    await answerRightly(page, '02', 0);
    const steps = findLabs(labs).find(({ lab }) => lab.id === '02')?.lab.steps ?? [];
    for (const index of steps.keys()) {
      if (index === 0) continue;
      const item = page.locator('.step').nth(index);
      if ((await item.locator('.body').count()) === 0) await item.locator('h2 button').click();
      await item.locator('.help button', { hasText: 'Do it for me' }).click();
      await done(page, index + 1);
      await answerRightly(page, '02', index);
    }
    await page.waitForSelector('.finish');
    await page.locator('#terminals').waitFor();
  });

  it('lets the walls of lab 09 fall, one after the other', async () => {
    await page.click('.back');
    await goTo(page, '09');
    await start(page);
    expect(await page.locator('.walls .wall').count()).toBe(3);
    const standing = (): Promise<string | null> => page.getAttribute('svg.walls', 'aria-label');
    expect(await standing()).not.toContain('fallen');
    const { steps } = findLabs(labs).find(({ lab }) => lab.id === '09')?.lab ?? { steps: [] };
    for (const index of steps.keys()) {
      await page.click('.pane.active .screen');
      for (const line of solutionOf('09', index).trim().split('\n')) await type(page, line);
      await done(page, index + 1, 90_000);
      await answerRightly(page, '09', index);
      expect(((await standing()) ?? '').match(/fallen/g)?.length ?? 0).toBe(Math.min(3, index));
    }
    expect(await standing()).toContain('The process is through');
    await page.waitForSelector('.finish');
    await page.click('.top button[aria-label="Stop"]');
    await page.click('.top button.sure');
    await page.waitForSelector('.text .start button');
  });

  /** Every step of a lab typed as its solution stands; `between`: what happens to the learner after a step. */
  const typeLab = async (lab: string, between: (index: number) => Promise<void>): Promise<void> => {
    const { steps } = findLabs(labs).find((one) => one.lab.id === lab)?.lab ?? { steps: [] };
    for (const index of steps.keys()) {
      await page.click('.pane.active .screen');
      for (const line of solutionOf(lab, index).trim().split('\n')) await type(page, line);
      await done(page, index + 1, 90_000);
      await answerRightly(page, lab, index);
      await between(index);
    }
    await page.waitForSelector('.finish');
  };
  const leave = async (): Promise<void> => {
    await page.click('.top button[aria-label="Stop"]');
    await page.click('.top button.sure');
    await page.waitForSelector('.text .start button');
  };

  it('takes a learner through lab 15, who reloads in the middle', async () => {
    await page.click('.back');
    await goTo(page, '15');
    await start(page);
    await typeLab('15', async (index) => {
      if (index !== 1) return;
      const before = await page.locator('.step.done').count();
      await page.reload();
      await page.waitForSelector('.pane .xterm');
      expect(await page.locator('.step.done').count()).toBe(before);
      await prompt(page);
    });
    expect(await page.getAttribute('svg.walls', 'aria-label').catch(() => null)).not.toBe('');
    await leave();
  });

  it('takes a learner through lab 06, who loses the connection in the middle, while a second page looks on', async () => {
    await page.click('.back');
    await goTo(page, '06');
    await start(page);
    const second = await newPage();
    await goTo(second, '06');
    await second.waitForSelector('.pane .xterm');
    await page.bringToFront();
    await typeLab('06', async (index) => {
      if (index !== 2) return;
      await loseConnection();
      await page.click('.pane.active .screen');
      await type(page, 'echo "back $((40+2))"');
      await shows(page, /back 42/);
    });
    // What was done on one page is done on the other.
    await second.bringToFront();
    await second.waitForSelector('.finish');
    await shows(second, /successfully rolled out/);
    await second.close();
    await page.bringToFront();
    await leave();
  });

  it('is accessible, in the list and in a lab, light and dark', async () => {
    await accessible(page);
    await page.emulateMedia({ colorScheme: 'dark' });
    await accessible(page);
    await page.click('.back');
    await page.waitForSelector('.card');
    await accessible(page);
    await page.emulateMedia({ colorScheme: 'light' });
    await accessible(page);
  });

  it('can be used by keyboard alone: F6 leaves the terminal', async () => {
    await page.focus('.card a[href="#/lab/02"]');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.pane .xterm');
    await page.click('.pane.active .screen');
    expect(await page.evaluate(() => document.activeElement?.closest('#terminals') !== null)).toBe(true);
    await page.keyboard.press('F6');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('pictures');
    await page.keyboard.press('F6');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('text');
    await page.keyboard.press('Shift+F6');
    await page.keyboard.press('Shift+F6');
    expect(await page.evaluate(() => document.activeElement?.closest('.pane.active') !== null)).toBe(true);
  });

  it('gives pictures more room with the arrow keys, and remembers it', async () => {
    const height = async (): Promise<number> => (await page.locator('.pictures').boundingBox())?.height ?? 0;
    const before = await height();
    await page.focus('.divider');
    for (let times = 0; times < 3; times += 1) await page.keyboard.press('ArrowUp');
    await expect.poll(height).toBeGreaterThan(before + 80);
    const after = await height();
    await page.reload();
    await page.waitForSelector('.pane .xterm');
    expect(Math.abs((await height()) - after)).toBeLessThan(3);
  });

  it('pastes and copies', async () => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.evaluate(() => navigator.clipboard.writeText('echo pasted-$((40+2))'));
    await page.click('.pane.active .screen');
    await page.keyboard.press('Control+v');
    await page.keyboard.press('Enter');
    await shows(page, /pasted-42/);
    const box = await page
      .locator('.pane.active .xterm-rows > div', { hasText: /^pasted-42/ })
      .first()
      .boundingBox();
    await page.mouse.dblclick((box?.x ?? 0) + 20, (box?.y ?? 0) + 5);
    await page.keyboard.press('Control+Shift+c');
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toMatch(/pasted-42/);
  });

  it('works on a phone, without scrolling sideways', async () => {
    await page.click('.pane.active .screen');
    await type(page, 'unroot run --user 4242 debian -- sleep infinity &');
    const phone = await browser.newContext({ viewport: { width: 390, height: 844 }, hasTouch: true });
    const small = await newPage(phone);
    await noWiderThan(small);
    await accessible(small);
    await goTo(small, '02');
    await small.waitForSelector('.step');
    await noWiderThan(small);
    for (const part of ['Terminal', 'Picture', 'Text']) {
      await small.locator('.parts button', { hasText: part }).click();
      await small.waitForTimeout(200);
      await noWiderThan(small);
    }
    // Drawn for the room there is: letters keep their size.
    await small.locator('.parts button', { hasText: 'Picture' }).click();
    await small.click('#picture-tab-capabilities');
    await small.waitForSelector('svg.capabilities');
    await expect
      .poll(() => small.evaluate(() => (document.querySelector('svg.capabilities') as SVGSVGElement).getScreenCTM()?.a))
      .toBeCloseTo(1, 1);
    await accessible(small);
    await phone.close();
  });
});

describe.skipIf(!existsSync(CHROMIUM))('labs of somebody nobody knows', () => {
  it('show their HTML as text, run nothing and lead nowhere but to the web', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'unroot-labs-'));
    mkdirSync(join(folder, '01-evil'));
    const evil = '<img src=x onerror="document.title=1"><script>document.title=2</script><b onclick="x()">bold</b>';
    const links =
      '[a](javascript:document.title=3) [b](data:text/html,x) [c](//example.com/x) [d](https://example.com/d) ![e](https://example.com/e.png)';
    writeFileSync(
      join(folder, '01-evil/lab.md'),
      `---\nid: "01"\ntitle: ${JSON.stringify(evil)}\ngoal: ${JSON.stringify(evil)}\nminutes: 1\nnext: ["https://example.com/n", "javascript:document.title=4", "77"]\n---\n${evil}\n\n${links}\n\n<div onclick="x()">\n\nblock\n\n</div>\n\n| a | b |\n| - | - |\n| ${evil} | \`${evil}\` |\n\n## Step: ${evil} {#one}\n${evil}\n\n\`\`\`hint\n${evil}\n\`\`\`\n\`\`\`check\n- file: { path: /nothing, exists: true }\n  says: ${JSON.stringify(evil)}\n\`\`\`\n\`\`\`solution\ntouch /nothing\n\`\`\`\n\n## Explanation\n${evil}\n`,
    );
    // One that cannot be read takes no other with it.
    mkdirSync(join(folder, '02-half'));
    writeFileSync(join(folder, '02-half/lab.md'), `---\nid: "02"\n${evil}`);
    const server = await serveLabs({
      port: 0,
      page: join(dirname(freshDist()), 'lab'),
      version: 'test',
      player: labPlayer(folder, { stateFolder: folder }),
    });
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
    try {
      const page = await browser.newPage();
      const elsewhere: string[] = [];
      page.on('request', (request) => {
        if (!request.url().startsWith(`http://127.0.0.1:${server.port}/`)) elsewhere.push(request.url());
      });
      page.on('console', (message) => {
        if (message.type() === 'error') elsewhere.push(message.text());
      });
      await page.goto(server.url);
      await page.waitForSelector('.card.broken');
      expect(await page.textContent('.card.broken')).toMatch(
        /02-half.*lab\.md:1: a lab begins with front matter.*unroot lab lint --labs/,
      );
      expect(await page.locator('.card a').count()).toBe(1);
      await page.click('.card a');
      await page.waitForSelector('.step');
      await page.click('.story summary');
      expect(await page.locator('.text').textContent()).toContain('<script>document.title=2</script>');
      expect(await page.locator('.text img, .text script, [onclick], [onerror]').count()).toBe(0);
      const hrefs = await page.locator('.text a').evaluateAll((all) => all.map((one) => one.getAttribute('href')));
      expect(hrefs).toEqual(['https://example.com/d']);
      expect(await page.locator('.text a').getAttribute('rel')).toBe('noreferrer noopener');
      expect(await page.title()).not.toMatch(/^[1-4]$/);
      expect(elsewhere).toEqual([]);
    } finally {
      await browser.close();
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
