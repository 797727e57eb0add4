import { defineConfig, type ViteUserConfigExport } from 'vitest/config';

const seed = String(Date.now() % 1_000_000_007);

const config: ViteUserConfigExport = defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    // Minutes each: `npm run test:services`.
    exclude: ['test/services/**'],
    // Engine tests start real containers: they take seconds, and two cores do not like more than two at once.
    testTimeout: 120_000,
    hookTimeout: 300_000,
    maxWorkers: 2,
    // One for the whole run: a test that is tried again (--retry) meets the same random cases, so a wrong answer stays wrong.
    env: {
      UNROOT_SEED: process.env.UNROOT_SEED ?? seed,
      UNROOT_REALITY_SEED: process.env.UNROOT_REALITY_SEED ?? seed,
    },
  },
});
export default config;
