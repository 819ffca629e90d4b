/**
 * What tests that need real machines share: the engine, the base image, the local provider over them, raw machines with
 * any user data, and an end that leaves nothing. A test that goes through the CLI uses `makeHome` and the provider to look
 * at the result from outside.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type InstanceKey, makeInstanceKey } from '../../src/domain/ids.ts';
import type { CallOptions, Provider, Vm, VmSpec } from '../../src/domain/provider.ts';
import { systemRuntime } from '../../src/lib/clock.ts';
import { createLocalProvider } from '../../src/providers/local/local-provider.ts';
import { baseImageFiles } from './base-image-files.ts';

/** The owner on all that tests make through `startMachine`; the global teardown removes what bears it. Runs side by side take one each. */
export const testOwner = process.env['SPUFF_TEST_OWNER'] ?? 'spuff-test';

/** Packages for the base image stay here between runs. */
const cacheHome = process.env['SPUFF_TEST_CACHE'] ?? join(homedir(), '.cache', 'spuff-test');

/** The provider that tests use. Its base image is the one that the CLI uses, so one build serves both. */
export function openProvider(): Provider {
  return createLocalProvider({
    runtime: systemRuntime,
    home: cacheHome,
    engineSocket: null,
    env: process.env,
    userHome: homedir(),
    extraFiles: baseImageFiles(),
  });
}

/** Options for a call that may take `timeoutMs`. */
export function within(timeoutMs: number): CallOptions {
  return { signal: new AbortController().signal, deadline: new Date(Date.now() + timeoutMs) };
}

/** @throws ProviderError `network` with what to do, when no engine answers */
export async function ensureEngine(provider: Provider = openProvider()): Promise<void> {
  await provider.checkAccess(within(10_000));
}

/** Builds the base image unless there is one of this recipe: a minute or two the first time. */
export async function ensureBaseImage(provider: Provider = openProvider()): Promise<void> {
  const last: string[] = [];
  const onLine = (line: string) => void last.push(line);
  try {
    await provider.images?.build({ ...within(20 * 60_000), onLine });
  } catch (error) {
    throw new Error(`the base image can't be built:\n${last.slice(-20).join('\n')}`, { cause: error });
  }
}

/** A fresh `SPUFF_HOME`, and the way to remove it. */
export function makeHome(): { home: string; remove: () => void } {
  const home = mkdtempSync(join(tmpdir(), 'spuff-home-'));
  return { home, remove: () => rmSync(home, { recursive: true, force: true }) };
}

export function makeKey(): InstanceKey {
  return makeInstanceKey(Date.now(), randomBytes(10));
}

/** A whole spec from the parts that a test cares about. */
export function makeSpec(change: Partial<VmSpec> = {}): VmSpec {
  const key = change.key ?? makeKey();
  return {
    key,
    name: `spuff-${key}`,
    instanceName: 'test',
    region: 'local',
    size: '1cpu-1gb',
    image: { kind: 'slug', slug: 'debian-12' },
    sshPublicKeys: [],
    userData: '#cloud-config\n{}\n',
    owner: testOwner,
    expiresAt: new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 3_600_000),
    ...change,
  };
}

/** Boots a machine. It runs when this returns; sshd and cloud-init are still on their way. */
export async function startMachine(
  change: Partial<VmSpec> = {},
  provider: Provider = openProvider(),
): Promise<Vm> {
  const vm = await provider.create(makeSpec(change), within(60_000));
  const running = await provider.waitFor(vm.id, 'running', within(30_000));
  return running ?? vm;
}

/** Destroys machines and deletes the snapshots taken of them. Without `keys`: all that tests made. */
export async function cleanUp(
  keys?: readonly InstanceKey[],
  provider: Provider = openProvider(),
): Promise<void> {
  const isTests = (vm: Vm) =>
    keys ? vm.key !== null && keys.includes(vm.key) : vm.labels['spuff.owner'] === testOwner;
  const ended = new Set<string>(keys);
  for await (const vm of provider.list(within(10_000))) {
    if (vm.key === null || !isTests(vm)) continue;
    ended.add(vm.key);
    await provider.destroy(vm.id, { ...within(30_000), expectKey: vm.key });
  }
  if (!provider.snapshots) return;
  for await (const snapshot of provider.snapshots.list(within(10_000))) {
    if (snapshot.key !== null && ended.has(snapshot.key))
      await provider.snapshots.delete(snapshot.id, within(30_000));
  }
}
