/** From the proof of a project to its document. */
import type { ProjectProof, ServiceProof } from '../compose/prove-project.ts';
import { denialTexts } from '../finding/denial-texts.ts';
import type { ProjectProveReport, ServiceProveReport, ServiceRecord } from './project-report.ts';
import type { FixedFile } from './records.ts';
import { SCHEMA_VERSION } from './report.ts';
import { runRecord } from './run-record.ts';

export interface ProjectParts {
  readonly target: string;
  readonly project: string;
  readonly platform: string;
  readonly engine: string;
  readonly images: ReadonlyMap<string, string>;
  readonly moved: (name: string) => ServiceProveReport['moved'];
  readonly rounds: (name: string) => number;
  readonly files: readonly FixedFile[];
  readonly unknown: readonly string[];
}

export function projectReport(proof: ProjectProof, parts: ProjectParts): ProjectProveReport {
  const { target, project, platform, engine, files, unknown } = parts;
  return {
    schemaVersion: SCHEMA_VERSION,
    kind: 'prove',
    target,
    project,
    platform,
    engine,
    verdict: proof.verdict,
    services: proof.services.map((service) => serviceReport(service, parts)),
    reasons: proof.reasons,
    files,
    unknown,
  };
}

function serviceReport(service: ServiceProof, { images, moved, rounds }: ProjectParts): ServiceProveReport {
  const { name, verdict, reasons, users } = service;
  const image = images.get(name);
  const record = ({ observation, talksTo, restarts, published }: ServiceProof['before'], user: string): ServiceRecord => ({
    ...runRecord(observation, user, observation.trace === undefined ? [] : denialTexts(observation.trace)),
    talksTo,
    restarts,
    published,
  });
  return {
    name,
    ...(image === undefined ? {} : { image }),
    verdict,
    user: users[1],
    before: record(service.before, users[0]),
    after: record(service.after, users[1]),
    moved: moved(name),
    rounds: rounds(name),
    reasons,
  };
}
