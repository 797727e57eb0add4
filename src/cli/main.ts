/** The entry of the bundle. Answers `--version` and `--help` at once; everything else is loaded when it is needed. */
import { helpText } from './help.ts';
import { VERSION } from './version.ts';

const args = process.argv.slice(2);

if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) {
  process.stdout.write(`unroot ${VERSION}\n`);
} else if (args.length === 0 || (args.length === 1 && (args[0] === '--help' || args[0] === '-h'))) {
  process.stdout.write(helpText());
} else {
  void import('./program.ts').then(({ main }) => main(args));
}
