/** The clients that have said they are there. */
export interface ClientList {
  note(client: string, interactive: boolean, nowMs: number): void;
  readonly all: readonly Client[];
}

export interface Client {
  client: string;
  interactive: boolean;
  lastSeenAtMs: number;
}

/** The number of clients that are remembered; the one that was silent longest is forgotten first. */
const maxClients = 32;

export function createClientList(): ClientList {
  const clients = new Map<string, Client>();
  return {
    note(client, interactive, nowMs) {
      clients.delete(client);
      clients.set(client, { client, interactive, lastSeenAtMs: nowMs });
      const oldest = clients.keys().next();
      if (clients.size > maxClients && !oldest.done) clients.delete(oldest.value);
    },
    get all() {
      return [...clients.values()];
    },
  };
}
