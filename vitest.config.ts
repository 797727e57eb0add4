import { defineConfig, type ViteUserConfigExport } from 'vitest/config';

const config: ViteUserConfigExport = defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    // Minutes each: `npm run test:services`.
    exclude: ['test/services/**'],
    // Engine tests start real containers: they take seconds, and two cores do not like more than two at once.
    testTimeout: 120_000,
    hookTimeout: 300_000,
    maxWorkers: 2,
  },
});
export default config;
