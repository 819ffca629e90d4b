import { SpuffError } from '../domain/errors.ts';
import type { OpenPort, RemoteListener, TunnelFailure } from '../domain/tunnel.ts';

/** What happens to a tunnel that somebody may want to hear of. */
export type TunnelEvent =
  | { kind: 'connected'; again: boolean }
  | { kind: 'lost'; error: SpuffError }
  /** The ports, or what listens on them, are others than before. */
  | { kind: 'changed' }
  /** A port was added unasked. */
  | { kind: 'opened'; port: OpenPort; listener: RemoteListener }
  | { kind: 'blocked'; port: OpenPort; error: SpuffError }
  | { kind: 'noticed'; listener: RemoteListener };

export function toFailure({ code, message, hints }: SpuffError): TunnelFailure {
  return { code, message, hints };
}

export function fromFailure({ code, message, hints }: TunnelFailure): SpuffError {
  return new SpuffError(code, message, { hints });
}
