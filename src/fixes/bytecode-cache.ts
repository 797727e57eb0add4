/** What Python keeps of the programs it has compiled, beside them (PEP 3147): it does without where it may not write, so no folder is handed over for it. */
import type { Finding } from '../finding/finding.ts';
import type { Fix } from '../finding/fix.ts';
import { findingKey } from './need.ts';

const BYTECODE = /\/__pycache__(?:\/|$)/;

export const writesBytecode = ({ operation }: Finding): boolean =>
  operation !== undefined && 'path' in operation && BYTECODE.test(operation.path);

/** It is told not to try. */
export const noBytecode = (id: 'read-only-root' | 'bytecode-cache', compiled: readonly Finding[]): Fix => ({
  id,
  subject: 'PYTHONDONTWRITEBYTECODE',
  title: 'PYTHONDONTWRITEBYTECODE=1: no compiled programs are kept beside their sources',
  disposition: 'safe',
  answers: [...new Set(compiled.map(findingKey))].sort(),
  layer: [],
  run: { env: { PYTHONDONTWRITEBYTECODE: '1' } },
  note: 'Python compiles them at every start instead, as it does where it may not write; ship them compiled to save that time',
});
