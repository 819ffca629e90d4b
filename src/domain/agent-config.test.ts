import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAgentConfig, renderAgentConfig, renderAgentEnvironment } from './agent-config.ts';

const limit = fc.option(fc.integer({ min: 1 }));
const level = fc.double({ min: 1e-3, max: 1e11, noNaN: true });
const configs = fc.record(
  {
    user: fc.string(),
    deadline: limit,
    idleTimeoutSeconds: limit,
    idle: fc.record(
      { cpuCores: level, processCores: level, containerCores: level, networkBytesPerSecond: level },
      { requiredKeys: [] },
    ),
    preDownSeconds: fc.integer({ min: 1, max: 600 }),
  },
  { requiredKeys: ['user', 'deadline', 'idleTimeoutSeconds'] },
);

describe('agent.json', () => {
  it('reads back as what was written', () => {
    fc.assert(
      fc.property(configs, (config) => {
        expect(parseAgentConfig(renderAgentConfig(config))).toEqual(config);
      }),
    );
  });

  it('is never a configuration without a lease when it was cut short', () => {
    fc.assert(
      fc.property(configs, (config) => {
        const whole = renderAgentConfig(config).trimEnd();
        for (let length = 0; length < whole.length; length++)
          expect(parseAgentConfig(whole.slice(0, length))).toBeNull();
      }),
    );
  });

  it('takes a level that makes no sense for one that is left out, and keeps the lease', () => {
    const idle = { cpuCores: -1, processCores: 'many', networkBytesPerSecond: 5, surprise: 1 };
    const text = JSON.stringify({
      ...{ user: 'dev', deadline: 9, idleTimeoutSeconds: null, idle, preDownSeconds: null, later: {} },
    });
    expect(parseAgentConfig(text)).toEqual({
      ...{ user: 'dev', deadline: 9, idleTimeoutSeconds: null, idle: { networkBytesPerSecond: 5 } },
    });
  });

  it.each([
    '[]',
    'null',
    '{}',
    '{"user":"dev","deadline":null}',
    '{"user":"dev","deadline":"soon","idleTimeoutSeconds":null}',
    '{"user":"dev","deadline":-1,"idleTimeoutSeconds":null}',
    '{"user":"dev","deadline":1e300,"idleTimeoutSeconds":null}',
    '{"deadline":null,"idleTimeoutSeconds":null}',
  ])('is not %s', (text) => expect(parseAgentConfig(text)).toBeNull());
});

describe('agent.env', () => {
  it('is one line', () => {
    expect(renderAgentEnvironment('a'.repeat(64))).toBe(`SPUFF_AGENT_TOKEN_SHA256=${'a'.repeat(64)}\n`);
    expect(() => renderAgentEnvironment(`${'a'.repeat(63)}\n`)).toThrow(TypeError);
  });
});
