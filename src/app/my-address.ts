import { SpuffError } from '../domain/errors.ts';
import { checkApiAddress, requestHttps, TransportError } from '../lib/https.ts';
import { parseNetwork } from '../lib/network-address.ts';

/**
 * The address that this computer has for the rest of the world, as a network of one (`198.51.100.7/32`), asked of a web
 * service over verified TLS. Nothing is sent but the question.
 * @throws SpuffError `unavailable` when the service does not answer, or with something else
 */
export async function findMyAddress(service: string, signal: AbortSignal): Promise<string> {
  const url = checkApiAddress(service);
  try {
    const answer = await requestHttps({
      ...{ method: 'GET' as const, url, headers: { accept: 'text/plain' }, signal },
      ...{ timeoutMs: 10_000, maxBytes: 4_096 },
    });
    const network = answer.status === 200 ? parseNetwork(answer.body.trim()) : null;
    if (network !== null && /\/(?:32|128)$/.test(network)) return network;
    throw unknown(`${url.host} did not say which it is`, undefined);
  } catch (error) {
    if (error instanceof TransportError) throw unknown(error.message, error);
    throw error;
  }
}

function unknown(why: string, cause: unknown): SpuffError {
  return new SpuffError('unavailable', `your address is not known: ${why}`, {
    hints: [
      'say who may connect: spuff config set firewall 198.51.100.7/32',
      'or ask another service: spuff config set address_service https://…',
      'or let everybody try: spuff config set firewall open',
    ],
    cause,
  });
}
