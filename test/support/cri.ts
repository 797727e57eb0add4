/** A client of the Container Runtime Interface: gRPC over a unix socket, as the kubelet speaks it. */
import { fileURLToPath } from 'node:url';
import { type Client, credentials, loadPackageDefinition, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

export interface CriUser {
  readonly uid: string;
  readonly gid: string;
  readonly supplementalGroups: readonly string[];
}

export interface CriContainerStatus {
  readonly state: 'CONTAINER_CREATED' | 'CONTAINER_RUNNING' | 'CONTAINER_EXITED' | 'CONTAINER_UNKNOWN';
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
  readonly user: { readonly linux: CriUser | null } | null;
}

export interface CriImage {
  readonly id: string;
  /** 64-bit numbers are text. */
  readonly uid: { readonly value: string } | null;
  readonly username: string;
}

/** A refusal of the runtime: the words without gRPC's `2 UNKNOWN: ` in front. */
export class CriError extends Error {}

export interface Cri {
  /** One call of the runtime service or, for `ImageStatus`, of the image service. Rejects with `CriError`. */
  call<Answer>(method: string, request: object): Promise<Answer>;
  close(): void;
}

type Method = (request: object, done: (error: ServiceError | null, answer: unknown) => void) => void;
type Service = new (address: string, how: ReturnType<typeof credentials.createInsecure>) => Client & Record<string, Method>;

export function cri(socket: string): Cri {
  const proto = fileURLToPath(new URL('cri.proto', import.meta.url));
  const loaded = loadPackageDefinition(loadSync(proto, { longs: String, enums: String, defaults: true }));
  const services = (loaded.runtime as unknown as { v1: Record<'RuntimeService' | 'ImageService', Service> }).v1;
  const address = `unix://${socket}`;
  const runtime = new services.RuntimeService(address, credentials.createInsecure());
  const images = new services.ImageService(address, credentials.createInsecure());
  return {
    call<Answer>(method: string, request: object): Promise<Answer> {
      const client = method === 'ImageStatus' ? images : runtime;
      return new Promise((resolve, reject) => {
        (client[method] as Method).call(client, request, (error, answer) => {
          if (error === null) resolve(answer as Answer);
          else reject(new CriError(error.details));
        });
      });
    },
    close() {
      runtime.close();
      images.close();
    },
  };
}
