/** What is wrong with a SARIF log by the schema of OASIS (sarif-spec, sarif-schema-2.1.0.json with errata 01), which lies beside this file; only its `id` is written as draft 07 writes it. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { Ajv, type ValidateFunction } from 'ajv';

let validate: ValidateFunction | undefined;

/** Empty = nothing. Formats (uri, date-time) are not looked at. */
export function sarifErrors(text: string): readonly string[] {
  if (validate === undefined) {
    const file = fileURLToPath(new URL('sarif-schema-2.1.0.json.gz', import.meta.url));
    const schema = JSON.parse(gunzipSync(readFileSync(file)).toString('utf8')) as object;
    validate = new Ajv({ strict: false, validateFormats: false, unicodeRegExp: false, allErrors: true }).compile(schema);
  }
  return validate(JSON.parse(text)) ? [] : (validate.errors ?? []).map((one) => `${one.instancePath} ${one.message ?? ''}`);
}
