/** A provider whose changes are in the local log: what is about to be done, then each request of it and its answer. */
import type { AuditEntry, AuditLog } from '../domain/audit.ts';
import type { CallOptions, Provider, ToldRequest } from '../domain/provider.ts';

type Change = Extract<AuditEntry, { kind: 'change' }>['details'];

/**
 * What makes something, lets somebody in or lets a machine live longer is written down first, and not done when that fails.
 * What ends something or shuts somebody out is done in any case: a full disk must not keep a machine alive.
 */
export function recordProvider(provider: Provider, log: AuditLog): Provider {
  const recorder = createRecorder(provider, log);
  const { must, may } = recorder;
  return {
    ...provider,
    create: async (spec, options) => {
      const { key, name, region, size } = spec;
      const from = spec.firewall?.allowSshFrom ?? 'anywhere';
      const expiresAt = spec.expiresAt?.toISOString() ?? null;
      const what = { name, instanceName: spec.instanceName, region, size, expiresAt, allowSshFrom: from };
      return provider.create(spec, must('create', key, what, options));
    },
    destroy: (id, options) =>
      provider.destroy(id, may('destroy', options.expectKey, { machine: id }, options)),
    setExpiry: async (id, expiresAt, options) => {
      const what = { machine: id, expiresAt: expiresAt?.toISOString() ?? null };
      return provider.setExpiry(id, expiresAt, must('setExpiry', options.expectKey, what, options));
    },
    removeLeftover: (leftover, options) => {
      const { kind, id, key } = leftover;
      return provider.removeLeftover(leftover, may('removeLeftover', key, { kind, id }, options));
    },
    ...recordHardening(provider, recorder),
    ...recordStores(provider, recorder),
  };
}

type Recorder = ReturnType<typeof createRecorder>;

function recordHardening({ harden }: Provider, { may }: Recorder): Pick<Provider, 'harden'> {
  return harden ? { harden: (id, options) => harden(id, may('harden', null, { machine: id }, options)) } : {};
}

function recordStores(
  { snapshots, images, firewall, loginKeys }: Provider,
  { must, may }: Recorder,
): Partial<Provider> {
  return {
    ...(snapshots && {
      snapshots: {
        ...snapshots,
        // A reaper takes one before it destroys: that must go on.
        create: (id, name, options) => {
          const what = { machine: id, snapshot: name };
          return snapshots.create(id, name, may('snapshots.create', options.expectKey, what, options));
        },
        delete: (id, options) =>
          snapshots.delete(id, may('snapshots.delete', null, { snapshot: id }, options)),
      },
    }),
    ...(images && {
      images: {
        ...images,
        build: async (options) => images.build(must('images.build', null, {}, options)),
        remove: (ref, options) => images.remove(ref, may('images.remove', null, { image: ref }, options)),
      },
    }),
    ...(firewall && {
      firewall: {
        ...firewall,
        set: async (key, allowSshFrom, options) => {
          const begin = allowSshFrom.length > 0 ? must : may;
          return firewall.set(key, allowSshFrom, begin('firewall.set', key, { allowSshFrom }, options));
        },
      },
    }),
    ...(loginKeys && {
      loginKeys: {
        ...loginKeys,
        replace: async (change, options) => {
          const begin = change.added === null ? may : must;
          return loginKeys.replace(change, begin('loginKeys.replace', null, { ...change }, options));
        },
      },
    }),
  };
}

function createRecorder({ id: provider }: Provider, log: AuditLog) {
  const begin =
    (write: (entry: AuditEntry) => void) =>
    <Options extends CallOptions>(
      operation: string,
      instanceKey: string | null,
      what: Change['what'],
      options: Options,
    ): Options => {
      const of = { provider, operation, instanceKey };
      // Nothing is begun any more: the call says so itself.
      if (!options.signal.aborted) write({ kind: 'change', details: { ...of, what } });
      return { ...options, onRequest: (request) => tell(of, request, options) };
    };
  const tell = (of: Omit<Change, 'what'>, request: ToldRequest, { onRequest }: CallOptions) => {
    onRequest?.(request);
    const { method, url, status = null, requestId = null } = request;
    if (request.isRead ?? ['GET', 'HEAD'].includes(method)) return;
    log.note({ kind: 'request', details: { ...of, method, url, status, requestId } });
  };
  return { must: begin((entry) => log.require(entry)), may: begin((entry) => log.note(entry)) };
}
