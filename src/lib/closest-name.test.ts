import { expect, it } from 'vitest';
import { findClosestName } from './closest-name.ts';

const names = ['provider', 'region', 'size', 'ssh_key', 'idle_timeout', 'max_lifetime'];

it.each([
  ['regoin', 'region'],
  ['Region', 'region'],
  ['idle-timeout', 'idle_timeout'],
  ['idletimeout', 'idle_timeout'],
  ['ssh_keys', 'ssh_key'],
  ['sise', 'size'],
  ['max_life', 'max_lifetime'],
])('takes %s for %s', (name, meant) => {
  expect(findClosestName(name, names)).toBe(meant);
});

it.each(['', 'colour', 'x'.repeat(100_000), 'token'])('has no guess for %.20s', (name) => {
  expect(findClosestName(name, names)).toBeNull();
});
