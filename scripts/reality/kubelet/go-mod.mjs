// Writes test/reality/kubelet/go/kubernetes/go.mod anew for another release: `node scripts/reality/kubelet/go-mod.mjs 1.36.3`.
// The module k8s.io/kubernetes replaces its staging modules by folders that its zip does not have; each is also published by itself, as v0.36.3.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const version = process.argv[2];
if (!/^1\.\d+\.\d+$/.test(version ?? '')) {
  console.error('usage: node scripts/reality/kubelet/go-mod.mjs 1.MINOR.PATCH');
  process.exit(2);
}
const folder = fileURLToPath(new URL('../../../test/reality/kubelet/go/kubernetes/', import.meta.url));
const go = (...args) => execFileSync('go', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
const programs = ['k8s.io/kubernetes/cmd/kube-apiserver', 'k8s.io/kubernetes/cmd/kubelet'];

mkdirSync(folder, { recursive: true });
writeFileSync(`${folder}go.mod`, 'module unroot.invalid/reality/kubernetes\n');
const { GoMod: upstream } = JSON.parse(go('mod', 'download', '-json', `k8s.io/kubernetes@v${version}`));
const text = readFileSync(upstream, 'utf8');
const staging = [...text.matchAll(/^\s+(k8s\.io\/\S+) => \.\/staging\//gm)].map(([, name]) => name);
const toolchain = /^go (\S+)$/m.exec(text)?.[1];
writeFileSync(
  `${folder}go.mod`,
  [
    'module unroot.invalid/reality/kubernetes',
    `go ${toolchain}`,
    `tool (\n${programs.map((one) => `\t${one}`).join('\n')}\n)`,
    `require k8s.io/kubernetes v${version}`,
    `replace (\n${staging.map((name) => `\t${name} => ${name} v0.${version.slice(2)}`).join('\n')}\n)`,
  ].join('\n\n'),
);
go('list', '-mod=mod', '-deps', ...programs);
console.log(`${folder}go.mod: ${staging.length} staging modules at v0.${version.slice(2)}`);
