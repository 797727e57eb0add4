/** `http`: a request from inside the node, by a program of the machine that joins nothing but its network. */
import { runCommand } from '../../engine/command.ts';
import { type CheckOf, type CheckWorld, green, type Look, red } from './look.ts';

const REQUEST = `
const [port, path] = process.argv.slice(1);
const request = require('node:http').get({ host: '127.0.0.1', port: Number(port), path, timeout: 3000, agent: false }, (answer) => {
  let text = '';
  answer.setEncoding('utf8');
  answer.on('data', (chunk) => { text = (text + chunk).slice(0, 65536); });
  answer.on('end', () => { console.log(JSON.stringify({ status: answer.statusCode, text })); process.exit(0); });
});
request.on('timeout', () => request.destroy(new Error('no answer within 3 s')));
request.on('error', (error) => { console.log(JSON.stringify({ error: error.code || error.message })); process.exit(0); });
`;

export async function checkHttp(check: CheckOf<'http'>, { node }: CheckWorld): Promise<Look> {
  const { stdout, stderr } = await runCommand(
    [
      'nsenter',
      `--net=${node.proc}/1/ns/net`,
      '--',
      process.execPath,
      '-e',
      REQUEST,
      '--',
      String(check.port),
      check.path ?? '/',
    ],
    { timeoutMs: 5000, env: { PATH: process.env.PATH ?? '' } },
  );
  const where = `http://127.0.0.1:${check.port}${check.path ?? '/'}`;
  if (!stdout.startsWith('{')) return red(`${where}: ${stderr.trim().split('\n').at(-1) ?? 'no answer'}`);
  const answer = JSON.parse(stdout) as { status?: number; text?: string; error?: string };
  if (answer.error !== undefined) return red(`${where}: ${answer.error}`);
  if (answer.status !== check.status) return red(`${where}: status ${answer.status}, not ${check.status}`);
  if (check.matches !== undefined && !new RegExp(check.matches, 'm').test(answer.text ?? ''))
    return red(`${where}: the answer does not say what it should`);
  return green(`${where}: ${answer.status}`);
}
