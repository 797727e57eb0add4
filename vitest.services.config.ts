import { defineConfig, type ViteUserConfigExport } from 'vitest/config';

/** The slow tests on real server software: one at a time, because their time is what is written down. */
const config: ViteUserConfigExport = defineConfig({
  test: {
    include: ['test/services/**/*.test.ts'],
    globalSetup: 'test/services/global-setup.ts',
    testTimeout: 600_000,
    hookTimeout: 300_000,
    maxWorkers: 1,
  },
});
export default config;
