/** The page of the workshop where another run's address is opened in the same tab: only what stands behind its `#` differs. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { expect, it } from 'vitest';
import { labPlayer } from '../src/lab/serve/play.ts';
import { serveLabs } from '../src/lab/serve/serve.ts';
import { freshDist } from './support/build.ts';

const CHROMIUM = process.env.UNROOT_CHROMIUM ?? '/usr/bin/chromium';
if (!existsSync(CHROMIUM)) console.warn(`SKIPPED: no ${CHROMIUM}: apt-get install -y chromium`);

it.skipIf(!existsSync(CHROMIUM))('lets in whoever opens the right address where the wrong one was', async () => {
  const state = mkdtempSync(join(tmpdir(), 'unroot-page-'));
  const program = dirname(freshDist());
  const labs = fileURLToPath(new URL('../labs', import.meta.url));
  const server = await serveLabs({
    port: 0,
    page: join(program, 'lab'),
    version: 'test',
    player: labPlayer(labs, { stateFolder: state, program }),
  });
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(30_000);
    let loads = 0;
    page.on('load', () => {
      loads += 1;
    });
    await page.goto(server.url.replace(/#.*/, `#${'A'.repeat(32)}`));
    await page.getByText('Open the whole address').waitFor();
    await page.goto(server.url);
    await page.getByText('Root in the box').first().waitFor();
    expect(loads).toBe(1);
    // The secret does not stay in the address.
    expect(page.url()).toBe(server.url.replace(/#.*/, '#/'));
    // A second time, while it is connected: it stays so.
    await page.goto(server.url);
    await page.waitForURL(/#\/$/);
    await page.getByText('Five sets').first().click();
    await page.getByRole('button', { name: 'Start the lab' }).first().waitFor();
  } finally {
    await browser.close();
    await server.close();
    rmSync(state, { recursive: true, force: true });
  }
});
