// Counts what vitest's JSON reporter left.
//   count-tests.mjs FILE…                       the last line of CI: the first file's counts, plus what failed in the others (the same tests in
//                                               other surroundings: they can only add failures), after each failed test with what it said: a
//                                               log that is cut at the front still tells what broke
//   count-tests.mjs --skips FOLDER FILE LOG     one line of counts, then each test file that skipped something with the reasons it printed;
//                                               exit 1 when one skipped in silence. FOLDER is the checkout the tests ran in
import { readFileSync } from 'node:fs';

/** A file of tests that could not be read at all fails without any test in it. */
function countsOf(file) {
  let results;
  try {
    results = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { passed: 0, failed: 1, skipped: 0, files: [] };
  }
  const tests = results.testResults.flatMap((one) => one.assertionResults);
  const count = (...wanted) => tests.filter(({ status }) => wanted.includes(status)).length;
  const broken = results.testResults.filter(
    (one) => one.status === 'failed' && !one.assertionResults.some(({ status }) => status === 'failed'),
  );
  return {
    passed: count('passed'),
    failed: count('failed') + broken.length,
    skipped: count('pending', 'skipped', 'todo', 'disabled'),
    files: results.testResults,
  };
}
/** What failed in a file of results: each test, or the file when it could not be read, with the beginning of its message. */
function failuresIn(file, { files }) {
  return files.flatMap((one) => {
    const failed = one.assertionResults.filter(({ status }) => status === 'failed');
    const asked = failed.map(({ fullName, failureMessages }) => [fullName, failureMessages.join('\n')]);
    const said = asked.length === 0 && one.status === 'failed' ? [['(the whole file)', one.message ?? '']] : asked;
    return said.map(
      ([name, message]) => `FAILED ${file}: ${one.name}: ${name}\n  ${message.slice(0, 3000).replaceAll('\n', '\n  ')}`,
    );
  });
}
/** What worked at the second try only (--retry): with its message, so that nobody overlooks it. */
const secondTries = (file, { files }) =>
  files.flatMap((one) =>
    one.assertionResults
      .filter(({ status, failureMessages }) => status === 'passed' && failureMessages.length > 0)
      .map(
        ({ fullName, failureMessages }) =>
          `AT THE SECOND TRY ${file}: ${one.name}: ${fullName}\n  ${failureMessages[0].slice(0, 1500).replaceAll('\n', '\n  ')}`,
      ),
  );
const line = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed, ${skipped} skipped`;

/** What each file wrote to its standard error about skipping: the default reporter puts `stderr | FILE` above it. */
function reasonsIn(log) {
  const reasons = new Map();
  let file = '';
  for (const text of log.split('\n')) {
    const head = /^stderr \| (\S+)/.exec(text);
    if (head !== null) file = head[1];
    else if (text.startsWith('SKIPPED')) reasons.set(file, [...(reasons.get(file) ?? []), text]);
  }
  return reasons;
}

const words = process.argv.slice(2);
if (words[0] === '--skips') {
  const [, folder, file, log] = words;
  const counts = countsOf(file);
  const reasons = reasonsIn(readFileSync(log, 'utf8'));
  console.log(line(counts));
  for (const one of [...counts.files].sort((a, b) => a.name.localeCompare(b.name))) {
    const skipped = one.assertionResults.filter(({ status }) => status !== 'passed' && status !== 'failed').length;
    if (skipped === 0) continue;
    const name = one.name.replace(folder, '');
    const said = reasons.get(name) ?? [];
    console.log(`  ${name}: ${skipped} skipped${said.length === 0 ? ' IN SILENCE' : ''}`);
    for (const reason of new Set(said)) console.log(`    ${reason.slice(0, 300)}`);
    if (said.length === 0) process.exitCode = 1;
  }
} else {
  const [first, ...others] = words.map(countsOf);
  for (const [index, counts] of [first, ...others].entries()) {
    if (counts.files.length === 0) console.log(`FAILED ${words[index]}: no results were left`);
    for (const tried of secondTries(words[index], counts)) console.log(tried);
    for (const failure of failuresIn(words[index], counts)) console.log(failure);
  }
  console.log(line({ ...first, failed: [first, ...others].reduce((sum, one) => sum + one.failed, 0) }));
}
